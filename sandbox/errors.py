"""The one exception that the sandbox raises on purpose."""


class SandboxError(Exception):
    """The sandbox cannot do what was asked.

    The message is one line (a log excerpt may follow it) and says what to do next: the command
    line prints it as it is, without a traceback.
    """
