#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""The language of everything that people read: words to avoid, the length and
the openings of sentences in documents, and subjects of commits.  Each check is
also run on a text with a planted fault, and must find it."""
import functools
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import place, tap  # noqa: E402

FOLDERS = ["src", "emulator", "tests", "www", "debian", "deploy", "docs",
           "examples", "portable", ".ci"]
FILES = ["bootstrap", "configure.ac", "Makefile.am", ".clang-format",
         "Containerfile", "README.md", "SECURITY.md", "NEWS", "CONTRIBUTING.md"]
SKIPPED = re.compile("|".join([  # data, words of others, and this list
    "tests/fuzz/corpus/.*", "tests/e2e/package-lock.json", "portable/licences",
    r"tests/lint/test_language\.py", ".*/__pycache__/.*"]))

# What to write: the expression of what not to write.  A blank in an expression
# is also the end of a line, of a comment's line or of a part of a string.
WORDS = {
    "it, or the noun again": r"who|whom|whoever|nobody|everybody|somebody|"
    r"anybody|no one|anyone|everyone|someone|he|she|him|his|hers?|himself",
    "is valid, parses": r"(?:does|do|did) not read",
    "accepts": r"(?:let|lets|letting) (?:\w+ ){0,2}in(?! (?:the|a|its|turn)\b)|"
    r"(?:come|comes|coming|came) in",
    "fixes": r"mend|mends|mended|mending",
    "is loaded": r"(?:is|are|was|were|be) taken up",
    "reports": r"(?:is|are|was|were) told",
    "tolerates": r"bear|bears|borne|(?:is|are) believed",
    "not an X": r"(?<!there )(?:is|are|was|were) no"
    r"(?! (?:longer|more|less|wider|way)\b)|that (?:is|are) none",
}
GAP = r"""(?:[ \t]|"?\s*\n[\s*#/"]*)+"""
# File, expression, reason.
EXCEPTIONS = [
    (r"tests/(?:admin|doors|package)/.*", r'"nobody"|(?:user|chown|-o|--reuid) '
     "nobody", "the user of this name"),
    (r"tests/cases/service\.json", "signature is no proof",
     "a case of a set that stays as it was published"),
]
EXCEPTIONS_MAX = 20

DOCUMENTS = re.compile(r"(?:README|SECURITY|CONTRIBUTING)\.md|NEWS|"
                       r"docs/.*\.md|deploy/README\.md|"
                       r"debian/README\.Debian|.*\.[158]")
WORDS_MAX = 30  # in a sentence; about 20 is the aim
OPENINGS = {"What", "Who", "Whom", "Whose", "Whatever", "Whoever", "Of",
            "Where", "Wherever"}

SINCE = 1795946400  # author date; older subjects cannot change
SUBJECT_MAX = 60  # characters
VERBS = set("""accept add allow answer ask avoid boot build bump check close
compare complete compute copy count cover decode delete deny describe document
download drop escape exit expect expire explain export extend fail find fix
follow generate give handle hash hide ignore import improve install join keep
label leave limit link list load lock log make mark match measure merge move
name open parse pass pin print prove publish quote raise read reduce refresh
refuse reject release reload remember remove rename repeat replace report
restart restore return reuse revert revoke rewrite run send serve set share show
simplify skip sort speed split start state stop store take test trim try update
use verify wait warn wrap write""".split())


def files():
    """Name and text of each file that people read."""
    paths = [place.SOURCE / name for name in FILES]
    for folder in FOLDERS:
        paths += sorted((place.SOURCE / folder).rglob("*"))
    for path in paths:
        name = str(path.relative_to(place.SOURCE))
        if not path.is_file() or SKIPPED.fullmatch(name):
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def with_gaps(words):
    """The expression; a blank in a look-behind stays one."""
    return re.sub(r"(\(\?<![^)]*\))|( )", lambda m: m[1] or GAP, words)


@functools.cache
def expression_of(words):
    return re.compile(with_gaps(words), re.IGNORECASE)


def check_words(name, text, used=None):
    """Words to avoid; used gets the exceptions that were needed."""
    excepted = []
    for number, (where, words, _) in enumerate(EXCEPTIONS):
        if re.fullmatch(where, name):
            excepted += [(m.start(), m.end(), number) for m in
                         expression_of(words).finditer(text)]
    for instead, words in WORDS.items():
        for match in expression_of(rf"\b(?:{words})\b").finditer(text):
            within = [number for start, end, number in excepted
                      if start <= match.start() and match.end() <= end]
            if within:
                (used if used is not None else set()).update(within)
                continue
            line = text.count("\n", 0, match.start()) + 1
            yield f"{name}:{line}: {match[0]!r}: write {instead!r}"


def prose_of(name, text):
    """Paragraphs of a document, without code, tables and macros."""
    if re.search(r"\.[158]$", name):
        text = re.sub(r"^\.Bd.*?^\.Ed", "\n", text, flags=re.M | re.S)
        text = re.sub(r"^\.(?:Sh|Ss|It|Pp|Bl|El|Nd|Dd|Dt|Os|Nm$|Op|Fl|\\).*",
                      "\n", text, flags=re.M)
        text = re.sub(r"^\.br$", "\n", text, flags=re.M)
        text = re.sub(r"^\.([A-Z][a-z] .*)", lambda line: re.sub(
            r"\b(?:Ar|Cm|Dq|Em|Ev|Fl|Ic|Li|Nm|No|Ns|Pa|Pq|Ql|Sq|Sx|Xr) ", "",
            line[1]), text, flags=re.M)
        text = re.sub(r"\s+([.,;:?])$", r"\1", text, flags=re.M)
        text = re.sub(r"(?<=[\w.-])([.?!])$", r"\1\n", text, flags=re.M)
    text = re.sub(r"^ *```.*?^ *```", "\n", text, flags=re.M | re.S)
    text = re.sub(r"<!--.*?-->", "\n", text, flags=re.S)
    text = re.sub(r"^ *(?:[|#╭│┌└]|  [#a-z]|[-=]{3}).*", "\n", text, flags=re.M)
    text = re.sub(r"^ *(?:[-*]|\d+\.) ", "\n", text, flags=re.M)
    return [" ".join(p.split()) for p in re.split(r"\n\s*\n", text)
            if p.strip()]


def sentences(name, text):
    for paragraph in prose_of(name, text):
        yield from re.split(r"(?<=[\w-][.?!])\"? +|(?<=[)`\"*][.?!]) +", paragraph)


def check_sentences(name, text):
    """In documents: not too long, and the subject first."""
    if not DOCUMENTS.fullmatch(name):
        return
    for sentence in sentences(name, text):
        words = re.findall(r"[^\s,;:()]+", sentence)
        if len(words) > WORDS_MAX:
            yield f"{name}: {len(words)} words: {sentence}"
        if words and words[0] in OPENINGS and not sentence.endswith("?"):
            yield f"{name}: begins with {words[0]!r}: {sentence}"


def check_subject(subject):
    """module: verb ..., in lower case, without a full stop."""
    found = re.fullmatch(r"[A-Za-z0-9_.,/ *-]+: (\w+)\b.*[^.]", subject)
    if not found or found[1] not in VERBS:
        yield f"{subject!r}: expected 'module: verb ...'"
    if len(subject) > SUBJECT_MAX:
        yield f"{subject!r}: {len(subject)} characters"


def subjects():
    """Of the commits since the rule, if the history is here."""
    git = shutil.which("git")
    if not git or not (place.SOURCE / ".git").exists():
        return
    log = subprocess.run(
        [git, "-c", f"safe.directory={place.SOURCE}", "-C", place.SOURCE, "log",
         "--no-merges", "--format=%at %s"], capture_output=True, text=True,
        check=True).stdout
    for line in log.splitlines():
        date, _, subject = line.partition(" ")
        if int(date) >= SINCE:
            yield subject


FAULTS = [  # check, file, text with a fault
    (check_words, "src/base/hex.c", "/* For whoever reads. */"),
    (check_words, "NEWS", "- The list does not\n  read."),
    (check_words, "src/base/hex.c", '"lets a client "\n"in"'),
    (check_words, "www/nginx.conf", "# The file is no\n# list."),
    (check_words, "src/fcgi/certgate.fcgi.8", "It is mended."),
    (check_sentences, "README.md", "It is " + "very " * WORDS_MAX + "long."),
    (check_sentences, "docs/ca.md", "One.  What is wrong it says."),
]
BAD_SUBJECTS = ["list: nobody is found in an empty one", "fix the list",
                "list: fix it.", "list: fix " + "it " * 20]


def main():
    out = tap.Tap()
    used = set()
    texts = list(files())
    out.result(len(texts) > 300, f"{len(texts)} files")
    for name, check in (("words", lambda n, t: check_words(n, t, used)),
                        ("sentences", check_sentences)):
        found = [line for file in texts for line in check(*file)]
        out.result(not found, f"{name}: {len(found)} to avoid",
                   "\n".join(found))
    out.equal([EXCEPTIONS[n] for n in range(len(EXCEPTIONS))
               if n not in used], [], "each exception is needed")
    out.result(len(EXCEPTIONS) <= EXCEPTIONS_MAX,
               f"{len(EXCEPTIONS)} exceptions")
    for check, name, text in FAULTS:
        out.result(list(check(name, text)), f"found in {name}: {text[:40]!r}")
    found = [line for subject in subjects() for line in check_subject(subject)]
    out.result(not found, "subjects of commits", "\n".join(found))
    for subject in BAD_SUBJECTS:
        out.result(list(check_subject(subject)), f"found: {subject[:40]!r}")
    out.done()


main()
