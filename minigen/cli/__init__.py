"""The command `minigen`: parsing of arguments, printing, and the recipes of the demo."""

__all__: list[str] = []


def __dir__() -> list[str]:
    return __all__
