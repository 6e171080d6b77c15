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
 * An entry of {@code eval.json}, the form in which the paper's code publishes what it evaluates:
 *
 * <pre>{@code
 * {"style":  {"van gogh":   {"target": "van gogh", "anchor": "painting", "hard_negative": ["monet"]}},
 *  "object": {"grumpy cat": {"target": "grumpy cat", "anchor": "cat", "hard_negative": []}}}
 * }</pre>
 *
 * The published text calls the last key {@code hard_negatives}, which is read as well.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="published"}
 *
 * @param kind {@link ConceptKind#STYLE}, or {@link ConceptKind#INSTANCE} for an object
 * @param name the entry's key, such as {@code "kids"}
 * @param target such as {@code "kids with guns"}
 * @param anchor such as {@code "kids"}
 * @param hardNegatives names of neighbours, perhaps none
 */
public record PublishedEvaluation(
    ConceptKind kind, String name, String target, String anchor, List<String> hardNegatives) {

  /** Checks that nothing is blank, and the kind. */
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
   * @param file such as {@code eval.json}
   * @return its entries, in their order, at least one
   * @throws IOException if the file cannot be read, or has another form; the message names file and
   *     key
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
   * Makes an evaluation of prompts as the paper's code reads them: of a style each of {@code
   * van_gogh_eval.txt}, {@code painting_eval.txt} and so on, one prompt a line; of an object the
   * anchor's file, in which the name is replaced as {@link Concept#instance} does.
   *
   * @param encoder such as CLIP ViT-B/32
   * @param prompts the folder of the files
   * @return the evaluation with the paper's numbers
   * @throws IOException if a file cannot be read, holds no prompt, or has a prompt without the
   *     anchor's name; the message names it
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
    // All prompts of the files are used, however many they are.
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
