"""The collector: a function behind a URL that takes events from pages and servers."""
