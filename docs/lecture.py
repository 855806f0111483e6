"""What a lecture needs, in a folder: `python docs/lecture.py FOLDER`.

corrected-notes.html    the notes, equation by equation as each must read: a handout on A4
slides.html             every picture of the tutorials, with its equations and how to read it
figures/                the same pictures as files, with their alternative text in figures.json
*.pdf                   the two pages printed, where a Chromium is installed
"""

import json
import pathlib
import shutil
import subprocess
import sys

from site_parts.slides import notebooks, pictures, slides

from minigen.core import files
from minigen.derivations import notes
from minigen.derivations.page.handout import handout

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def main(folder: pathlib.Path) -> None:
    """Write all of it."""
    figures = folder / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    files.replace(folder / "corrected-notes.html", handout(notes.catalogue()))
    files.replace(folder / "slides.html", slides())
    words = {}
    for path in notebooks():
        for k, picture in enumerate(pictures(path), 1):
            name = f"{path.stem[:2]}-{k:02}-{picture.name}.png"
            files.replace(figures / name, picture.png)
            words[name] = {"section": f"{picture.title}: {picture.section}", "alt": picture.alt}
    files.replace(figures / "figures.json", json.dumps(words, indent=1, ensure_ascii=False) + "\n")
    print(f"{folder}: the corrected notes, slides, and {len(words)} pictures")
    printed(folder)


def printed(folder: pathlib.Path) -> None:
    """The pages as PDF, if there is a browser that prints without a screen."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("no Chromium here: print the two pages from a browser")
        return
    for page in ("corrected-notes", "slides"):
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
        out = (folder / f"{page}.pdf").resolve()
        address = (folder / f"{page}.html").resolve().as_uri()
        done = subprocess.run([*command, f"--print-to-pdf={out}", address], capture_output=True)
        print(f"{out.name}: {'printed' if done.returncode == 0 else 'not printed'}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        raise SystemExit(__doc__)
    main(pathlib.Path(sys.argv[1]))
