package dev.ablation.evaluation;

import com.google.common.base.Preconditions;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.internal.PromptFile;
import dev.ablation.metric.TextImageEncoder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;

/**
 * An entry of {@code eval.json}, the format in which the paper's code publishes its evaluations:
 *
 * <pre>{@code
 * {"style":  {"van gogh":   {"target": "van gogh", "anchor": "painting", "hard_negative": ["monet"]}},
 *  "object": {"grumpy cat": {"target": "grumpy cat", "anchor": "cat", "hard_negative": []}}}
 * }</pre>
 *
 * The published text calls the last key {@code hard_negatives}; both spellings are accepted.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="published"}
 *
 * @param kind {@link ConceptKind#STYLE}, or {@link ConceptKind#INSTANCE} for an object
 * @param name the entry's key, such as {@code "kids"}
 * @param target the target's name, such as {@code "kids with guns"}
 * @param anchor the anchor's name, such as {@code "kids"}
 * @param hardNegatives names of neighbours; may be empty
 */
public record PublishedEvaluation(
    ConceptKind kind, String name, String target, String anchor, List<String> hardNegatives) {

  /** Checks that no text is blank, and the kind. */
  public PublishedEvaluation {
    Objects.requireNonNull(kind, "kind");
    Preconditions.checkArgument(
        kind == ConceptKind.STYLE || kind == ConceptKind.INSTANCE,
        "kind must be STYLE or INSTANCE, was %s",
        kind);
    Preconditions.checkArgument(!name.isBlank(), "name must not be blank");
    Preconditions.checkArgument(!target.isBlank(), "target must not be blank");
    Preconditions.checkArgument(!anchor.isBlank(), "anchor must not be blank");
    hardNegatives = List.copyOf(hardNegatives);
    Preconditions.checkArgument(
        hardNegatives.stream().noneMatch(String::isBlank), "hardNegatives must not be blank");
  }

  /**
   * Reads a file.
   *
   * @param file the file, such as {@code eval.json}
   * @return its entries, in their order, at least one
   * @throws IOException if the file cannot be read or has another form; the message names the file
   *     and the key
   */
  public static List<PublishedEvaluation> read(Path file) throws IOException {
    return PublishedFile.read(file);
  }

  /** {@return the target} */
  public Concept concept() {
    return concept(target);
  }

  private Concept concept(String named) {
    return kind == ConceptKind.STYLE ? Concept.style(named) : Concept.instance(named);
  }

  /**
   * Creates an evaluation with the prompt files of the paper's code. Each style has its own file
   * ({@code van_gogh_eval.txt}, {@code painting_eval.txt} and so on, one prompt a line). Objects
   * use the anchor's file and replace its name as {@link Concept#instance} does.
   *
   * @param encoder the encoder, such as CLIP ViT-B/32
   * @param prompts folder of the files
   * @return an evaluation with the paper's settings
   * @throws IOException if a file cannot be read, contains no prompt, or has a prompt without the
   *     anchor's name; the message names the file
   */
  public Evaluation evaluation(TextImageEncoder encoder, Path prompts) throws IOException {
    Path anchorFile = prompts.resolve(fileName(anchor));
    List<String> anchorPrompts = PromptFile.read(anchorFile);
    Evaluation evaluation =
        Evaluation.with(encoder)
            .target(concept(), anchor, anchorPrompts, promptsOf(target, prompts, anchorPrompts));
    for (String neighbour : hardNegatives) {
      evaluation = evaluation.neighbour(neighbour, promptsOf(neighbour, prompts, anchorPrompts));
    }
    // Use all prompts of the files, regardless of their number.
    return evaluation.protocol(p -> p.prompts(anchorPrompts.size()));
  }

  private List<String> promptsOf(String subject, Path folder, List<String> anchorPrompts)
      throws IOException {
    if (kind == ConceptKind.STYLE) {
      return PromptFile.read(folder.resolve(fileName(subject)));
    }
    try {
      return anchorPrompts.stream()
          .map(prompt -> concept(subject).targetPrompts(prompt, anchor).get(0))
          .toList();
    } catch (IllegalArgumentException e) {
      throw new IOException(folder.resolve(fileName(anchor)) + ": " + e.getMessage(), e);
    }
  }

  private static String fileName(String subject) {
    return subject.strip().replace(' ', '_') + "_eval.txt";
  }
}
