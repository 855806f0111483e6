"""The public face: names, signatures and docstrings of what users call, and their examples."""

import ast
import doctest
import enum
import importlib
import inspect
import pathlib
import re

import numpy as np
import pytest

import minigen as mg

ROOT = pathlib.Path(__file__).parent.parent
ROOMS = sorted(p.parent.name for p in (ROOT / "minigen").glob("*/__init__.py"))


def files(name):
    """The Python files of a room, or one file of the package itself."""
    place = ROOT / "minigen" / name
    return sorted(place.rglob("*.py")) if place.is_dir() else [place]


def room(name):
    return importlib.import_module(f"minigen.{name}")


def functions(path):
    """(name, definition, whether it is a method) of every function of a file."""

    def below(node, method, prefix):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                static = any(getattr(d, "id", "") == "staticmethod" for d in child.decorator_list)
                yield f"{prefix}{child.name}", child, method and not static
                yield from below(child, False, f"{prefix}{child.name}.<local>.")
            elif isinstance(child, ast.ClassDef):
                yield from below(child, True, f"{prefix}{child.name}.")
            else:
                yield from below(child, False, prefix)

    return below(ast.parse(path.read_text(encoding="utf-8")), False, "")


def public_objects():
    """{name: object} of every function and class that users see, and of the classes' methods."""
    found = {}
    for name in ROOMS:
        for public in getattr(room(name), "__all__", ()):
            thing = getattr(room(name), public)
            if not getattr(thing, "__module__", "").startswith("minigen"):
                continue
            if isinstance(thing, type) or inspect.isfunction(thing):
                found[f"{name}.{public}"] = thing
            for key, value in vars(thing).items() if isinstance(thing, type) else ():
                method = getattr(value, "__func__", value)
                if inspect.isfunction(method) and not key.startswith("_"):
                    found[f"{name}.{public}.{key}"] = method
    return found


PUBLIC = public_objects()
USED = ("sample", "log_prob", "astype", "stationary")  # methods of what users hold
ABSTRACT = ("data.Sampler", "audit.Subject")  # what others write


def constructs(name, thing):
    """Whether a function of a class makes one of it, or is a method that users call."""
    *owner, method = name.rpartition(".")[::2]
    if name.count(".") < 2 or owner[0] in ABSTRACT or not thing.__doc__:
        return False
    return method in USED or next(iter(inspect.signature(thing).parameters), "") == "cls"


DOCUMENTED = {  # what has sections: functions, constructors, and what has begun to say them
    name: thing
    for name, thing in PUBLIC.items()
    if (inspect.isfunction(thing) and name.count(".") == 1)
    or constructs(name, thing)
    or re.search(r"^ *(Parameters|Returns|Examples)\n *---", thing.__doc__ or "", re.MULTILINE)
}


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_shows_its_public_names_and_no_others(name):
    package = room(name)
    assert dir(package) == sorted(package.__all__) and len({*dir(package)}) == len(dir(package))
    modules = {path.stem for path in (ROOT / "minigen" / name).iterdir()}
    assert all(hasattr(package, public) for public in package.__all__)
    assert not modules & {*package.__all__}, "a function would hide a module, or be hidden by it"


def test_the_package_shows_its_rooms_and_three_functions():
    assert dir(mg) == sorted([*mg.__all__, "__version__"])
    served = {name: getattr(mg, name) for name in mg.__all__}
    assert served.keys() - {"fit", "load", "save"} == {*ROOMS} - {"cli", "kernels"}
    with pytest.raises(AttributeError, match="module 'minigen' has no attribute 'flow'"):
        _ = mg.flow


def test_an_editor_is_told_the_names_that_are_served():
    tree = ast.parse((ROOT / "minigen" / "__init__.py").read_text(encoding="utf-8"))
    (block,) = (n for n in tree.body if isinstance(n, ast.If))
    assert ast.unparse(block.test) == "TYPE_CHECKING"
    assert sorted(a.name for line in block.body for a in line.names) == sorted(mg.__all__)


def test_no_two_files_differ_by_case_alone():
    places = [ROOT / "minigen", ROOT / "tests", ROOT / "tutorials"]
    names = [str(path.relative_to(ROOT)) for place in places for path in place.rglob("*")]
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize("name", [*ROOMS, "__init__.py", "__main__.py"])
def test_every_parameter_and_result_has_a_type(name):
    for path in files(name):
        for function, node, method in functions(path):
            args = node.args
            plain = [*args.posonlyargs, *args.args][method:] + args.kwonlyargs
            given = [*plain, *(a for a in (args.vararg, args.kwarg) if a is not None)]
            bare = [a.arg for a in given if a.annotation is None]
            where = f"{path}:{node.lineno} {function}"
            assert not bare, f"{where} {bare}"
            assert node.returns is not None, f"{where} returns"


@pytest.mark.parametrize("name", ROOMS)
def test_options_are_spelled_out(name):
    """Only a layer's `forward` may hand on what is given; a `*name` says what it holds."""
    for path in files(name):
        for function, node, _ in functions(path):
            if "<" not in function and not node.name.startswith("_"):
                assert node.name == "forward" or node.args.kwarg is None, f"{path} {function}"
                assert node.args.vararg is None or node.args.vararg.arg != "args", path


def sections(thing):
    """{title: text} of the sections of a numpydoc docstring."""
    parts = re.split(r"^(\w+)\n-{3,}\n", inspect.getdoc(thing) or "", flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True)) | {"": parts[0]}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_users_call_says_what_it_takes_and_returns_and_shows_an_example(name):
    thing = DOCUMENTED[name]
    given = [p for p in inspect.signature(thing).parameters if p not in ("self", "cls")]
    found = sections(thing)
    assert found[""].strip()
    assert ">>> " in found.get("Examples", "") or isinstance(thing, type)
    if constructs(name, thing):
        assert found.keys() >= {"Returns", "Examples"}, name
    if "Parameters" in found or (given and inspect.isfunction(thing)):
        heads = re.findall(r"^([\w, *]+?) :", found["Parameters"], flags=re.MULTILINE)
        assert sorted(n.lstrip("*") for head in heads for n in head.split(", ")) == sorted(given)
    if inspect.isfunction(thing) and thing.__annotations__.get("return") is not None:
        assert found.keys() & {"Returns", "Yields"}


@pytest.mark.parametrize("name", [n for n, thing in PUBLIC.items() if isinstance(thing, type)])
def test_a_class_says_what_it_is(name):
    own = PUBLIC[name].__doc__ or ""
    listed = issubclass(PUBLIC[name], enum.Enum)  # its members say what it is
    assert listed or (own and not own.startswith(f"{PUBLIC[name].__name__}("))  # of a dataclass


@pytest.mark.parametrize(
    "name", [n for n, thing in PUBLIC.items() if ">>> " in (thing.__doc__ or "")]
)
def test_the_example_prints_what_it_says(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    known = {"np": np, "mg": mg, "rng": np.random.default_rng(0)}
    case = doctest.DocTestParser().get_doctest(PUBLIC[name].__doc__, known, name, name, 0)
    said = []
    result = doctest.DocTestRunner().run(case, out=said.append)
    assert result.failed == 0, "".join(said)


LONG = [
    name
    for name, thing in PUBLIC.items()
    if inspect.isfunction(thing)
    and thing.__module__.startswith("minigen")
    and thing.__name__ not in ("forward", "backward")  # of the contract
    and sum(p.kind == p.KEYWORD_ONLY for p in inspect.signature(thing).parameters.values()) >= 4
]


@pytest.mark.parametrize("name", LONG)
def test_a_misspelt_option_is_answered_with_the_nearest_name(name):
    function = PUBLIC[name]
    option = max(inspect.signature(function).parameters, key=len)
    wrong = option[:-3] + option[-2:]
    said = rf"^{function.__qualname__}\(\) has no option '{wrong}'; did you mean '{option}'\?$"
    with pytest.raises(TypeError, match=said):
        function(**{wrong: None})


def test_an_option_like_no_other_is_refused_without_a_guess():
    with pytest.raises(TypeError, match=r"^real_nvp\(\) has no option 'xyzzy'$"):
        mg.flows.real_nvp(2, xyzzy=1)
