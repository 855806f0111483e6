"""The words of the LaTeX subset that the notes and their corrections use."""

LETTERS = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ϵ", "varepsilon": "ε",
    "eta": "η", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π", "rho": "ρ",
    "sigma": "σ", "tau": "τ", "phi": "ϕ", "psi": "ψ", "omega": "ω", "Delta": "Δ", "Lambda": "Λ",
    "Phi": "Φ", "Sigma": "Σ", "Theta": "Θ", "ell": "ℓ", "infty": "∞", "partial": "∂",
    "nabla": "∇", "hbar": "ℏ", "emptyset": "∅",
}  # fmt: skip

BINARY = {
    "cdot": "·", "odot": "⊙", "oslash": "⊘", "times": "×", "pm": "±", "circ": "∘", "ast": "∗",
    "+": "+", "-": "−", "*": "∗", "/": "/",
}  # fmt: skip

RELATION = {
    "sim": "∼", "approx": "≈", "geq": "≥", "ge": "≥", "leq": "≤", "le": "≤", "ne": "≠",
    "neq": "≠", "in": "∈", "to": "→", "rightarrow": "→", "mapsto": "↦", "Rightarrow": "⇒",
    "Leftarrow": "⇐", "iff": "⟺", "leftarrow": "←",
    "parallel": "∥", "mid": "∣", "equiv": "≡", "propto": "∝",
    "ll": "≪", "gg": "≫", "uparrow": "↑", "downarrow": "↓",
    "=": "=", "<": "<", ">": ">", ":": ":", "|": "|",
}  # fmt: skip

PUNCTUATION = {",": ",", ";": ";", "?": "?", "!": "!", ".": "."}

DOTS = {"dots": "…", "ldots": "…", "cdots": "⋯"}

FUNCTIONS = (
    "log", "ln", "exp", "sin", "cos", "tanh", "cosh", "sinh", "arcsinh", "det", "diag", "tr",
    "softmax", "tril", "slogdet",
)  # fmt: skip

LIMITS = ("max", "min", "lim", "sup", "inf", "argmin", "argmax")

LARGE = {"sum": "∑", "prod": "∏"}

INTEGRAL = {"int": "∫"}

ACCENTS = {"bar": "\u203e", "tilde": "~", "hat": "^", "dot": "˙", "vec": "→"}

COMBINING = {"bar": "", "tilde": "\u0303", "hat": "\u0302", "dot": "\u0307", "vec": ""}

OPEN = {"(": "(", "[": "[", r"\{": "{", r"\lfloor": "⌊", r"\langle": "⟨"}

CLOSE = {")": ")", "]": "]", r"\}": "}", r"\rfloor": "⌋", r"\rangle": "⟩"}

FENCES = {**OPEN, **CLOSE, "|": "|", r"\|": "‖", ".": "", r"\lVert": "‖", r"\rVert": "‖"}

SPACES = {
    "quad": 1.0, "qquad": 2.0, ",": 0.17, ":": 0.22, ";": 0.28, "!": -0.17, " ": 0.25,
}  # fmt: skip

BIG = ("big", "Big", "bigg", "Bigg")

STYLES = {"mathbf": "bold", "mathrm": "upright", "mathcal": "script", "mathbb": "double"}

SCRIPT = {"N": "𝒩", "L": "ℒ", "U": "𝒰"}

DOUBLE = {"R": "ℝ", "E": "𝔼", "Z": "ℤ", "1": "𝟙"}

KINDS = (
    (BINARY, "binary"),
    (RELATION, "relation"),
    (PUNCTUATION, "punctuation"),
    (DOTS, "dots"),
    (OPEN, "open"),
    (CLOSE, "close"),
    ({r"\|": "‖"}, "bar"),
)
