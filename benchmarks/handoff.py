"""How well the detection of handoff wishes does on messages that it was not taught.

``python -m benchmarks.handoff`` cross-validates on ``prompts/handoff/examples`` in three ways: random folds
in which messages that are much alike stay together; whole kinds left out; and whole trades left out. Each
time the shipped cascade is taught without the messages it is then asked about. Beside it: the phrases of
``keywords.yaml`` as a plain list.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, pstdev

import numpy as np
from rapidfuzz import fuzz, process

from graph.classifier import Example
from graph.classifier_training import train
from graph.detection import Detector
from graph.keywords import Keywords, KeywordSpec
from graph.prompts import PromptSet, load_prompts
from graph.text import fold as folded
from graph.text import words

_FOLDS = 8
_ALIKE = 82

# Words that tell a trade, for leaving whole trades out; what names none is never left out there.
TRADES = {
    "telecom": (
        "internet modem wifi fibra sinal chip plano mega roaming broadband router sim cobertura linea"
    ),
    "bank": (
        "banco cartao conta pix saldo extrato emprestimo tarjeta transferencia prestamo credito "
        "mortgage bank card account loan"
    ),
    "health": (
        "consulta medico medica exame clinica hospital dentista remedio cita doctor doctora examen "
        "appointment nurse clinic prescription"
    ),
    "school": (
        "escola matricula aula professor professora colegio clase curso school teacher course class "
        "enrol semester"
    ),
    "shop": (
        "pedido loja entrega troca produto tamanho rastreio tienda talla envio paquete order parcel "
        "delivery shop size refund"
    ),
    "travel": (
        "hotel quarto reserva voo passagem hospedagem habitacion vuelo viaje room booking flight "
        "checkin suite"
    ),
    "car": ("carro oficina pneu moto guincho seguro coche taller auto seguro car garage insurance tyre"),
    "home": (
        "aluguel imovel apartamento condominio corretor alquiler departamento inmobiliaria rent "
        "flat tenant landlord lease"
    ),
    "utility": ("luz agua energia gas fatura conta medidor recibo electricity water meter boiler heating"),
    "animals": (
        "cavalo baia cachorro gato petshop tosa veterinario caballo perro gato horse dog cat vet stable pony"
    ),
    "food": ("mesa cardapio pizza restaurante almoco menu comida table restaurant dinner pizza"),
    "office": (
        "prefeitura documento protocolo cartorio tramite certificado expediente council permit passport form"
    ),
    "beauty": ("cabelo salao manicure unha academia corte pelo salon gimnasio hair salon gym nails"),
}


@dataclass(frozen=True, slots=True)
class Score:
    """How well it was told apart.

    Args:
        precision: of those found, the share that wanted a human.
        recall: of those that wanted one, the share found.
        f1: their harmonic mean.
        n: the messages.
    """

    precision: float
    recall: float
    f1: float
    n: int


def score(labels: Sequence[bool], found: Sequence[bool]) -> Score:
    """Return how well ``found`` tells ``labels``."""
    hit = sum(a and b for a, b in zip(labels, found, strict=True))
    precision = hit / sum(found) if any(found) else 0.0
    recall = hit / sum(labels) if any(labels) else 0.0
    both = precision + recall
    return Score(precision, recall, 2 * precision * recall / both if both else 0.0, len(labels))


def groups_of_alike(examples: Sequence[Example]) -> list[int]:
    """Return a number for each example; those that are much alike have the same."""
    group = list(range(len(examples)))

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for lang in sorted({e.lang for e in examples}):
        own = [i for i, e in enumerate(examples) if e.lang == lang]
        texts = [" ".join(words(examples[i].text)) for i in own]
        alike = process.cdist(texts, texts, scorer=fuzz.token_sort_ratio, score_cutoff=_ALIKE, dtype=np.uint8)
        for a, b in zip(*np.nonzero(np.triu(alike, 1)), strict=True):
            group[root(own[int(a)])] = root(own[int(b)])
    return [root(i) for i in range(len(examples))]


def trade_of(text: str) -> str | None:
    """Return the trade that most words of a text tell; None where none does."""
    said = set(words(text))
    best = max(TRADES, key=lambda trade: len(said & set(TRADES[trade].split())))
    return best if said & set(TRADES[best].split()) else None


def folds_by(keys: Sequence[object], folds: int, seed: int) -> list[int]:
    """Return a fold for each key; the same key always falls into the same."""
    different = sorted(set(keys), key=str)
    random.Random(seed).shuffle(different)
    place = {key: index % folds for index, key in enumerate(different)}
    return [place[key] for key in keys]


def held_out(prompts: PromptSet, folds: Sequence[int | None]) -> list[bool | None]:
    """Return what the cascade decides on each example, taught without the fold that it is in."""
    examples = prompts.examples
    found: list[bool | None] = [None] * len(examples)
    for wanted in sorted({fold for fold in folds if fold is not None}):
        taught = [e for e, fold in zip(examples, folds, strict=True) if fold != wanted]
        detector = Detector(Keywords(prompts.keywords), train(taught, prompts.lexicons))
        for i, fold in enumerate(folds):
            if fold == wanted:
                found[i] = detector.decide(examples[i].text, prompts.handoff.classifier).human
    return found


def plain_list(prompts: PromptSet) -> Callable[[str], bool]:
    """Return the baseline: the same phrases wherever they stand, whatever stands around them."""
    bare = {lang: KeywordSpec(spec.phrases + spec.alone) for lang, spec in prompts.keywords.items()}
    keywords = Keywords(bare)
    return lambda text: keywords.find_read(" ".join(words(folded(text)))) is not None


def by_language(examples: Sequence[Example], found: Sequence[bool | None]) -> dict[str, Score]:
    """Return the scores by language, of those on which something was found."""
    scores: dict[str, Score] = {}
    for lang in dict.fromkeys(e.lang for e in examples):
        own = [
            (e.wants_human, f)
            for e, f in zip(examples, found, strict=True)
            if e.lang == lang and f is not None
        ]
        scores[lang] = score([label for label, _ in own], [f for _, f in own])
    return scores


def measure(prompts: PromptSet, seeds: int) -> dict[str, list[dict[str, Score]]]:
    """Cross-validate; returns for each way the scores by language, once for each seed."""
    examples = prompts.examples
    alike = groups_of_alike(examples)
    trades = [trade_of(e.text) for e in examples]
    ways: dict[str, list[dict[str, Score]]] = {"random": [], "kinds left out": [], "trades left out": []}
    for seed in range(seeds):
        random_folds = folds_by(alike, _FOLDS, seed)
        kinds = folds_by([(e.kind, e.wants_human) for e in examples], _FOLDS, seed)
        ways["random"].append(by_language(examples, held_out(prompts, random_folds)))
        ways["kinds left out"].append(by_language(examples, held_out(prompts, kinds)))
        places = dict(zip(TRADES, folds_by(list(TRADES), _FOLDS, seed), strict=True))
        by_trade = [None if trade is None else places[trade] for trade in trades]
        ways["trades left out"].append(by_language(examples, held_out(prompts, by_trade)))
    plain = plain_list(prompts)
    ways["plain list"] = [by_language(examples, [plain(e.text) for e in examples])]
    return ways


def table(ways: dict[str, list[dict[str, Score]]]) -> str:
    """Return the figures as a Markdown table: the mean over the seeds, and the spread of F1."""
    lines = [
        "| taught without | language | precision | recall | F1 | messages |",
        "|---|---|---|---|---|---|",
    ]
    for way, runs in ways.items():
        for lang in runs[0]:
            own = [run[lang] for run in runs]
            spread = f" ± {pstdev([s.f1 for s in own]):.3f}" if len(own) > 1 else ""
            figures = f"{mean(s.precision for s in own):.3f} | {mean(s.recall for s in own):.3f}"
            lines.append(
                f"| {way} | {lang} | {figures} | {mean(s.f1 for s in own):.3f}{spread} | {own[0].n} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handoff", description=__doc__)
    parser.add_argument("--prompts", type=Path, default=Path("prompts"))
    parser.add_argument("--seeds", type=int, default=3, help="how often the folds are drawn anew")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    given = parser.parse_args()
    prompts = load_prompts(given.prompts)
    begin = time.perf_counter()
    detector = Detector(Keywords(prompts.keywords), train(prompts.examples, prompts.lexicons))
    print(f"{len(prompts.examples)} examples; training took {time.perf_counter() - begin:.2f} s")
    times = sorted(_timed(detector, prompts, e.text) for e in prompts.examples)
    p99 = times[math.ceil(len(times) * 0.99) - 1]
    print(f"a decision: median {times[len(times) // 2] * 1e6:.0f} us, p99 {p99 * 1e6:.0f} us\n")
    ways = measure(prompts, given.seeds)
    print(table(ways))
    if given.json:
        plain = {
            way: [{lang: _plain(s) for lang, s in run.items()} for run in runs] for way, runs in ways.items()
        }
        given.json.write_text(json.dumps(plain, indent=2) + "\n", "utf-8")


def _plain(one: Score) -> dict[str, float]:
    return {"precision": one.precision, "recall": one.recall, "f1": one.f1, "n": one.n}


def _timed(detector: Detector, prompts: PromptSet, text: str) -> float:
    begin = time.perf_counter()
    detector.decide(text, prompts.handoff.classifier)
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
