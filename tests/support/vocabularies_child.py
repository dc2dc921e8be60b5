"""Counts tokens for `support.vocabularies`: a line of JSON `[name, text]` in, a number out. Its first line names them.

Two vocabularies are those of Mistral AI's `mistral-common` (Apache-2.0): SentencePiece with 32,768 pieces and bytes for
what is missing (the family of Llama 2), and a byte-level one of 131,072 (the family of tiktoken). A third is made here, of
this repository's own files: byte-level, 8,192 pieces, three digits to a number (the way of GPT-4 and Llama 3).
"""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SPLIT = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def _data() -> Path:
    found = importlib.util.find_spec("mistral_common")  # its package imports what is not installed here
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "data"


def _sentencepiece() -> Callable[[str], int]:
    from sentencepiece import SentencePieceProcessor

    model = SentencePieceProcessor(model_file=str(_data() / "mistral_instruct_tokenizer_240323.model.v3"))
    return lambda text: len(model.encode(text))


def _tiktoken() -> Callable[[str], int]:
    import tiktoken

    told = json.loads((_data() / "tekken_240911.json").read_text())
    config = told["config"]
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    ranks = {base64.b64decode(row["token_bytes"]): row["rank"] for row in told["vocab"][:size]}
    encoding = tiktoken.Encoding("tekken", pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def _made_here() -> Callable[[str], int]:
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    steps = [
        pre_tokenizers.Split(Regex(_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ]
    made.pre_tokenizer = pre_tokenizers.Sequence(steps)
    files = (path for folder in ("daemon", "docs", "proto") for path in sorted((ROOT / folder).rglob("*.*")))
    texts = [path.read_text("utf-8") for path in files if path.suffix in (".py", ".md", ".toml", ".json")]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=8_192, initial_alphabet=alphabet, show_progress=False)
    )
    return lambda text: len(made.encode(text).ids)


def main() -> None:
    """Until stdin ends."""
    found = {
        "SentencePiece, 32,768": _sentencepiece(),
        "byte-level, 131,072": _tiktoken(),
        "byte-level, 8,192, made here": _made_here(),
    }
    print(json.dumps(list(found)), flush=True)
    for line in sys.stdin:
        name, text = json.loads(line)
        print(found[name](text), flush=True)


if __name__ == "__main__":
    main()
