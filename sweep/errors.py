"""The one exception that means "the user can fix this"."""


class UserError(Exception):
    """A mistake of the user's, told in one message.

    The message names the field or file, the value found and what is accepted. The command line
    prints it without a traceback and exits with status 2.
    """
