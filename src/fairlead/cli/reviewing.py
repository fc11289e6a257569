"""One task at a time in the terminal: shown, and decided with a key."""

from __future__ import annotations

import sys

import click

from fairlead.cli.output import moment, plain, say
from fairlead.errors import ConfigError, ConflictError
from fairlead.review.book import ReviewBook
from fairlead.review.question import Question, text_of
from fairlead.review.show import shown
from fairlead.review.tally import guess_of
from fairlead.review.types import Task

KEYS_MAX = 9


def work(book: ReviewBook, queue: str, reviewer: str) -> None:
    """Show what waits until nothing does, or the reviewer ends.

    Args:
        book: of the queues.
        queue: its name.
        reviewer: who sits there.
    """
    done = 0
    while (task := book.take(queue, reviewer)) is not None:
        question = book.queues.question(task.endpoint)
        _show(task, question)
        try:
            word = _ask(question)
            if word == "q":
                book.put_back(task.id, reviewer)
                break
            if word == "s":
                book.skip(task.id, reviewer)
            elif word == "u":
                say(f"{book.undo(queue, reviewer).id} is open again.")
                done = max(done - 1, 0)
            else:
                book.decide(task.id, _value(question, word), reviewer)
                done += 1
        except (ConfigError, ConflictError) as error:
            say(plain(str(error)))
    else:
        say("Nothing waits for you.")
    say(f"{done} decided. What you decided last can be taken back for ten seconds.")


def _show(task: Task, question: Question) -> None:
    audited = ", a sample of what the model decided" if task.reason == "audit" else ""
    why = f", {plain(task.why)}" if task.why else audited
    say()
    say(f"{task.id}, {task.endpoint}, {moment(task.created_us)}{why}")
    for name, value in task.inputs.items():
        say(f"  {plain(name)}: {'-' if value is None else plain(str(value))}")
    guess = guess_of(shown(task), question.field)
    if guess is not None:
        say(f"  The model says {plain(text_of(guess))}.")
    choices = [f"{n} {plain(text_of(c))}" for n, c in enumerate(question.choices, start=1)]
    asked = {"choice": "  ".join(choices), "number": "a number", "text": "your words"}
    say(f"[{asked[question.form]}]  s skip  u undo  q quit")


def _ask(question: Question) -> str:
    """What is typed: a key where one says all, and else a line."""
    if sys.stdin.isatty() and question.form == "choice" and len(question.choices) <= KEYS_MAX:
        say()
        return click.getchar()
    found: str = click.prompt("", prompt_suffix="> ", default="", show_default=False)
    return found.strip()


def _value(question: Question, word: str) -> object:
    """What was typed as a decision: the number of a choice, or itself."""
    if question.form == "number":
        try:
            return float(word)
        except ValueError:
            raise ConfigError("That is no number.") from None
    if question.form == "choice":
        if word.isdecimal() and 1 <= int(word) <= len(question.choices):
            return question.choices[int(word) - 1]
        raise ConfigError(f"Type a number from 1 to {len(question.choices)}.")
    return word
