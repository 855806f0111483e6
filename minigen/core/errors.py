"""The errors with which public functions refuse an argument."""


class InvalidInput(Exception):
    """An argument that a public function refuses; the command line answers it in one line."""


class InvalidValue(InvalidInput, ValueError):
    """An argument of the right type with a value that is not allowed."""


class InvalidType(InvalidInput, TypeError):
    """An argument of the wrong type."""


def expected(name: str, what: object, got: object) -> InvalidValue:
    """The error for a wrong value: `raise expected("n", "an integer >= 1", n)`."""
    return InvalidValue(f"{name}: expected {what}, got {got}")


def wrong_type(name: str, what: object, got: object) -> InvalidType:
    """The error for a wrong type."""
    return InvalidType(f"{name}: expected {what}, got {got}")
