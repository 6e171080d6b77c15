package dev.ablation.langchain4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class AnswerParserTest {

  static Stream<Arguments> answers() {
    return Stream.of(
        answer("numbers", "1. A cat\n2. Two cats", "A cat", "Two cats"),
        answer(
            "numbers of other forms",
            "1) A\n(2) B\n[3] C\n4: D\n5 - E\n#6. F\n7.G",
            "A",
            "B",
            "C",
            "D",
            "E",
            "F",
            "G"),
        answer(
            "numbers with talk around",
            "Sure! Here are 2 cats:\n\n1. A cat\n\n2. Two cats\n\nEnjoy",
            "A cat",
            "Two cats"),
        answer(
            "digits in captions stay",
            "1. 3 cats and 12 kittens\n2. At 7:30, a cat; 2.5 metres",
            "3 cats and 12 kittens",
            "At 7:30, a cat; 2.5 metres"),
        answer(
            "plain lines that begin with digits",
            "3 cats\n10 kittens in a box\n7:30 at the vet\n1.5 cats",
            "3 cats",
            "10 kittens in a box",
            "7:30 at the vet",
            "1.5 cats"),
        answer(
            "bullets",
            "- A cat\n* two cats\n• a kitten-eyed owl",
            "A cat",
            "two cats",
            "a kitten-eyed owl"),
        answer("bullet and number", "- 1. A cat\n- 2. Two", "A cat", "Two"),
        answer("labels", "Caption 1: A cat\nCaption 2: \"Two cats\"", "A cat", "Two cats"),
        answer("emphasis", "**1.** *A cat*\n**2. Two cats**", "*A cat*", "Two cats"),
        answer(
            "quotes",
            "1. \"A cat\"\n2. “Two cats”\n3. 'Cats', the sign says",
            "A cat",
            "Two cats",
            "'Cats', the sign says"),
        answer(
            "quoted lines with talk",
            "Of course, happy to\n\"A cat\",\n\"Two cats\".",
            "A cat",
            "Two cats"),
        answer(
            "plain lines with talk",
            "Here are the captions:\nA cat\nTwo cats\nLet me know if you want more!",
            "A cat",
            "Two cats"),
        answer(
            "quotes inside stay", "1. A cat called \"Tom\" asleep", "A cat called \"Tom\" asleep"),
        answer("JSON array", "[\"A cat\", \"Two \\\"cats\\\"\", \"\", 3]", "A cat", "Two \"cats\""),
        answer(
            "JSON in a fence",
            "```json\n[\n  \"A cat\",\n  \"Two cats\"\n]\n```\nEnjoy!",
            "A cat",
            "Two cats"),
        answer(
            "JSON objects",
            "{\"captions\": [{\"id\": 1, \"caption\": \"A cat\"}, \"Two cats\"]}",
            "A cat",
            "Two cats"),
        answer("JSON by number", "{\"1\": \"A cat\", \"2\": \"Two cats\"}", "A cat", "Two cats"),
        answer("JSON after a colon", "Here: [\"A cat\"]", "A cat"),
        answer("JSON cut off", "[\n\"A cat\",\n\"Two cats\",\n\"Thr", "A cat", "Two cats"),
        answer(
            "brackets in a caption",
            "1. A cat [\"close-up\"]\n2. {cats}",
            "A cat [\"close-up\"]",
            "{cats}"),
        answer("thoughts", "<think>\n1. not this\n</think>\n1. A cat", "A cat"),
        answer("thoughts only", "<think>\n1. not this"),
        answer("Windows lines and tabs", "1.\tA cat\r\n2.\tTwo cats\r\n", "A cat", "Two cats"),
        answer("headings", "# Captions\nA cat", "A cat"),
        answer("numbers alone", "1.\n2.\n"),
        answer("blank", " \n "),
        answer("a refusal", "I'm sorry, I can't help with that."),
        answer("one caption", "A cat asleep", "A cat asleep"));
  }

  private static Arguments answer(String name, String answer, String... captions) {
    return Arguments.of(name, answer, List.of(captions));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("answers")
  void findsTheCaptions(String name, String answer, List<String> captions) {
    assertThat(AnswerParser.captions(answer)).isEqualTo(captions);
  }
}
