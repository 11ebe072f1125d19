"""What customers say: mostly each text once, and the same to both sides."""

from __future__ import annotations

from benchmarks.words import ENDLESS, PATHS, Line, Script, examples, last_words, repeated, variations

NLU = """
nlu:
- intent: greet
  examples: |
    - hey
    - let's go
"""
DOMAIN = """
responses:
  utter_greet:
  - text: "Hey! How are you?"
"""


def a_script(texts: int = 50) -> Script:
    steps = [step for path in (*PATHS, ENDLESS) for step in path]
    return Script(
        texts={step.intent: [f"{step.intent} {number}" for number in range(texts)] for step in steps},
        responses={step.response: step.response.upper() for step in steps},
    )


def test_examples_are_read_as_rasa_writes_them() -> None:
    assert examples(NLU) == {"greet": ["hey", "let's go"]}
    assert last_words(DOMAIN) == {"utter_greet": "Hey! How are you?"}


def test_variations_are_distinct_and_begin_with_the_examples_themselves() -> None:
    made = variations(["hey", "hello"])

    assert made[:2] == ["hey", "hello"]
    assert len(set(made)) == len(made) > 200


def test_conversations_follow_the_stories_one_after_the_other() -> None:
    dealt = a_script().short(4)

    assert [line.last for line in dealt[0]] == ["UTTER_GREET", "UTTER_HAPPY", "UTTER_IAMABOT", "UTTER_GOODBYE"]
    assert [line.last for line in dealt[3]] == [line.last for line in dealt[0]]


def test_no_text_comes_again_while_there_are_others() -> None:
    assert repeated(a_script(texts=12).short(12)) == 0
    assert repeated([[Line(text="hey", last=None), Line(text="hey", last=None)]]) == 0.5


def test_two_scripts_say_the_same() -> None:
    assert a_script().short(9) == a_script().short(9)


def test_an_endless_conversation_goes_on_after_its_texts_are_all_said() -> None:
    lines = a_script(texts=2).endless()

    said = [next(lines).text for _ in range(5)]

    assert said == ["bot_challenge 0", "goodbye 0", "bot_challenge 1", "goodbye 1", "bot_challenge 0"]
