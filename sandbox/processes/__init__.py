"""The processes of a run: started, recorded, watched, ended."""
