"""The command `minigen`: parsing of arguments, printing, and the recipes of the demo."""
