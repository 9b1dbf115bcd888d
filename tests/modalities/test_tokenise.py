"""Byte-pair encoding."""

import os
import subprocess
import sys

import torch

from vouch.modalities.text.tokenise import Tokeniser, learn_tokeniser

TEXTS = ["The cat sat on the mat.", "the dog sat, the dog ran", None, "Cats and dogs: £5 each!"] * 5


def test_nothing_is_out_of_vocabulary():
    tokeniser = learn_tokeniser(TEXTS, vocabulary=300, tokens=64)
    assert (tokeniser.encode(["日本 ñ 🐈 \x00 zebra"]) > 0).sum() > 10


def test_missing_and_empty_are_all_padding():
    assert learn_tokeniser(TEXTS, vocabulary=300).encode([None, ""]).abs().sum() == 0


def test_case_and_unicode_form_do_not_matter():
    tokeniser = learn_tokeniser(TEXTS, vocabulary=300)
    assert torch.equal(tokeniser.encode(["THE CAT"]), tokeniser.encode(["\uff54\uff48\uff45 cat"]))


def test_the_json_alone_brings_back_the_pieces():
    tokeniser = learn_tokeniser(TEXTS, vocabulary=300)
    again = Tokeniser(str(tokeniser.json), tokeniser.vocabulary, tokeniser.tokens, tokeniser.by_character)
    assert torch.equal(again.encode(TEXTS), tokeniser.encode(TEXTS))
    assert tokeniser.encode(TEXTS).dtype == torch.int32


def test_other_processes_learn_the_same_pieces():
    code = (
        "from vouch.modalities.text.tokenise import learn_tokeniser; import hashlib;"
        f"print(hashlib.sha256(learn_tokeniser({TEXTS!r}, vocabulary=300).json.encode()).hexdigest())"
    )
    found = set()
    for threads in ("1", "4"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


def test_the_length_covers_the_training_texts_up_to_a_limit():
    assert learn_tokeniser(["a b c d e f g h"] * 50, vocabulary=300).tokens == 8
    assert learn_tokeniser(["word " * 2000] * 5, vocabulary=300).tokens == 256
    assert learn_tokeniser([None, ""], vocabulary=300).tokens == 4


def test_writing_without_spaces_is_cut_into_characters():
    tokeniser = learn_tokeniser(["CTAGGCTCCAGATAGCCATAGAAGA"] * 4, vocabulary=300)
    assert tokeniser.by_character
    assert (tokeniser.encode(["CTAG"]) > 0).sum() == 4


def test_pieces_are_shown_as_text():
    tokeniser = learn_tokeniser(TEXTS, vocabulary=400)
    assert "".join(tokeniser.pieces(tokeniser.encode(["the cat"])[0].tolist())).strip() == "the cat"
