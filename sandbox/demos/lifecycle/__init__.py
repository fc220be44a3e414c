"""The lifecycle demo: edits, breakage, scaling, approval, suspension, deletion and return.

A scripted session of the real operator on the sandbox with the strict AWS switched on. Each step
says what it did, what AWS has before and after, and what a user of kubectl sees, and ends in a
verdict.
"""

from sandbox.demos.lifecycle.session import Session
from sandbox.demos.lifecycle.steps import STEPS

__all__ = ["STEPS", "Session"]
