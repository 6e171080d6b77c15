package dev.ablation.langchain4j;

import dev.ablation.anchor.PromptRequest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The messages to the chat model. */
final class Asking {
  /** Maximum number of prompts to avoid in a message, as in the published code. */
  private static final int MAX_AVOIDED = 40;

  private static final int MAX_AVOIDED_CHARACTERS = 4000;

  private Asking() {}

  static String role() {
    return "You write captions for images: photographs, paintings, drawings of every sort. A"
        + " caption says in one plain sentence or phrase what can be seen. You answer with the"
        + " captions alone, as a numbered list with one caption on each line.";
  }

  static String first(PromptRequest request, int count) {
    String what =
        request.kind() == PromptRequest.Kind.PARAPHRASES
            ? "Reword the caption below in %d ways. Each wording must mean the same as the caption; "
                    .formatted(count)
                + "choose other words and another order.\n\nCaption: "
                + request.subject()
            : "Write %d captions, each for another image in which this is shown: %s. Let place,"
                    .formatted(count, request.subject())
                + " light, action, distance and mood differ from caption to caption, and let short"
                + " captions stand beside long ones of up to 25 words.";
    return what + word(request) + avoided(request.avoid());
  }

  static String more(PromptRequest request, int count) {
    return (request.kind() == PromptRequest.Kind.PARAPHRASES
            ? "Please go on with %d further wordings of the same caption, unlike all those above."
            : "Please go on with %d further captions of the same sort, unlike all those above.")
        .formatted(count)
        .concat(word(request));
  }

  private static String word(PromptRequest request) {
    return request.word() == null
        ? ""
        : "\n\nEvery line must contain the word \"%s\".".formatted(request.word());
  }

  /** The last ones, which the model is most likely to repeat. */
  private static String avoided(List<String> avoid) {
    List<String> named = new ArrayList<>();
    int characters = 0;
    for (int i = avoid.size() - 1; i >= 0 && named.size() < MAX_AVOIDED; i--) {
      characters += avoid.get(i).length();
      if (characters > MAX_AVOIDED_CHARACTERS) {
        break;
      }
      named.add("- " + avoid.get(i));
    }
    Collections.reverse(named);
    return named.isEmpty() ? "" : "\n\nTaken already, do not repeat:\n" + String.join("\n", named);
  }
}
