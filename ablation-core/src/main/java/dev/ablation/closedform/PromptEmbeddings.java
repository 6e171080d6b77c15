package dev.ablation.closedform;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import com.google.common.base.Preconditions;
import com.google.common.collect.Lists;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.error.UnsupportedCapabilityException;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import java.util.List;
import java.util.stream.Stream;

/**
 * Encodes prompts and picks the embeddings that a closed form takes. No image is made or read.
 *
 * {@snippet class="dev.ablation.closedform.ClosedFormSnippets" region="embeddings"}
 *
 * <p>Positions assume a text encoder that puts one start token before the prompt, as CLIP's does.
 * Encodes one batch at a time and closes it; the model stays open. Not thread-safe, as the model.
 */
@CheckReturnValue
public final class PromptEmbeddings {
  private static final int BATCH = 64;
  private static final List<String> STYLE_FORMS =
      List.of("painting by ", "art by ", "artwork by ", "picture by ", "style of ");
  private static final List<String> OTHER_FORMS =
      List.of("image of ", "photo of ", "portrait of ", "picture of ", "painting of ");

  private final DiffusionModel model;
  private final int batch;

  private PromptEmbeddings(DiffusionModel model, int batch) {
    this.model = model;
    this.batch = batch;
  }

  /**
   * Begins with 64 prompts a batch.
   *
   * @param model encodes the prompts
   * @return the encoder
   */
  public static PromptEmbeddings of(DiffusionModel model) {
    return new PromptEmbeddings(model, BATCH);
  }

  /**
   * Changes how many prompts are encoded at once.
   *
   * @param size positive
   * @return a changed copy
   */
  public PromptEmbeddings batch(int size) {
    Preconditions.checkArgument(size > 0, "batch must be positive, was %s", size);
    return new PromptEmbeddings(model, size);
  }

  /**
   * Returns a concept's phrases, each with the anchor's name: what {@link Uce} takes.
   *
   * @param target what is erased
   * @param anchor what takes its place
   * @return a mapping for each phrase; the anchor is empty if the strategy's only prompt is
   */
  public static List<PromptMapping> names(Concept target, AnchorStrategy anchor) {
    String name = anchor.prompts(target).equals(List.of("")) ? "" : anchor.name();
    return target.phrases().stream()
        .distinct()
        .map(phrase -> new PromptMapping(phrase, name))
        .toList();
  }

  /**
   * Adds the prompts by which the published code of UCE and OCE expands concepts: "painting by X",
   * "art by X" and three more for a style, "image of X", "photo of X" and three more for anything
   * else, with the anchor in the same place.
   *
   * @param mappings concepts, such as those of {@link #names}
   * @param kind of the concepts
   * @return the mappings, each followed by five more
   */
  public static List<PromptMapping> expanded(List<PromptMapping> mappings, ConceptKind kind) {
    List<String> forms = kind == ConceptKind.STYLE ? STYLE_FORMS : OTHER_FORMS;
    return mappings.stream()
        .flatMap(mapping ->
            Stream.concat(
                Stream.of(mapping),
                forms.stream()
                    .map(form ->
                        new PromptMapping(form + mapping.target(), form + mapping.anchor()))))
        .toList();
  }

  /**
   * Returns every pair of prompts that training could draw: what {@link SequenceLeastSquares}
   * takes.
   *
   * @param target what is erased
   * @param anchor what takes its place
   * @return anchor prompts, each with all target prompts that can be made of it, without
   *     repetitions
   * @throws IllegalArgumentException if no target prompt can be made of an anchor prompt
   */
  public static List<PromptMapping> prompts(Concept target, AnchorStrategy anchor) {
    return anchor.prompts(target).stream()
        .distinct()
        .flatMap(prompt ->
            anchor.targetPrompts(target, prompt).stream()
                .map(changed -> new PromptMapping(changed, prompt)))
        .distinct()
        .toList();
  }

  /**
   * Takes one embedding of each prompt, that of its last token; of an empty prompt, that of the
   * start token.
   *
   * @param mappings what is erased, and what takes its place
   * @param preserved prompts, may be empty
   * @return the sums
   * @throws UnsupportedCapabilityException if the model has no {@link PromptTokenizer}
   */
  public EmbeddingSums lastTokens(List<PromptMapping> mappings, List<String> preserved) {
    PromptTokenizer tokenizer = tokenizer();
    EmbeddingSums sums = EmbeddingSums.of(width());
    for (List<PromptMapping> part : Lists.partition(mappings, batch)) {
      try (NDManager scope = model.newScope()) {
        sums.erase(
            part,
            lastTokens(targets(part), tokenizer, scope),
            lastTokens(anchors(part), tokenizer, scope));
      }
    }
    for (List<String> part : Lists.partition(preserved, batch)) {
      try (NDManager scope = model.newScope()) {
        sums.preserve(part, lastTokens(part, tokenizer, scope));
      }
    }
    return sums;
  }

  /**
   * Takes the embeddings at all positions: position by position, a target is mapped to its anchor.
   *
   * @param mappings what is erased, and what takes its place
   * @param preserved prompts, may be empty
   * @return the sums
   */
  public EmbeddingSums sequences(List<PromptMapping> mappings, List<String> preserved) {
    EmbeddingSums sums = EmbeddingSums.of(width());
    for (List<PromptMapping> part : Lists.partition(mappings, batch)) {
      try (NDManager scope = model.newScope()) {
        sums.erase(part, encode(targets(part), scope), encode(anchors(part), scope));
      }
    }
    preserveSequences(sums, preserved);
    return sums;
  }

  /**
   * Takes the embeddings from the last token to the end, target and anchor aligned at that token,
   * as the first edit of {@link Rece} does. Of preserved prompts it takes all positions. With a and
   * b the positions of the last tokens and T the number of positions, target rows are {@code [a, T
   * - max(0, b - a))} and anchor rows {@code [b, T - max(0, a - b))}.
   *
   * @param mappings what is erased, and what takes its place
   * @param preserved prompts, may be empty
   * @return the sums
   * @throws UnsupportedCapabilityException if the model has no {@link PromptTokenizer}
   */
  public EmbeddingSums subjectRows(List<PromptMapping> mappings, List<String> preserved) {
    PromptTokenizer tokenizer = tokenizer();
    EmbeddingSums sums = EmbeddingSums.of(width());
    int positions = Math.toIntExact(textShape().get(1));
    for (PromptMapping mapping : mappings) {
      int a = lastToken(mapping.target(), tokenizer);
      int b = lastToken(mapping.anchor(), tokenizer);
      try (NDManager scope = model.newScope()) {
        NDArray rows = encode(List.of(mapping.target(), mapping.anchor()), scope);
        sums.erase(
            List.of(mapping),
            rows.get("0:1," + a + ":" + (positions - Math.max(0, b - a))),
            rows.get("1:2," + b + ":" + (positions - Math.max(0, a - b))));
      }
    }
    preserveSequences(sums, preserved);
    return sums;
  }

  /** D, the width of a text embedding. */
  int width() {
    return Math.toIntExact(textShape().get(2));
  }

  /** The shape (1, T, D) of one prompt's embeddings. */
  private Shape textShape() {
    try (NDManager scope = model.newScope()) {
      return encode(List.of(""), scope).getShape();
    }
  }

  private void preserveSequences(EmbeddingSums sums, List<String> preserved) {
    for (List<String> part : Lists.partition(preserved, batch)) {
      try (NDManager scope = model.newScope()) {
        sums.preserve(part, encode(part, scope));
      }
    }
  }

  private NDArray lastTokens(List<String> prompts, PromptTokenizer tokenizer, NDManager scope) {
    NDArray states = encode(prompts, scope);
    int positions = Math.toIntExact(states.getShape().get(1));
    int width = Math.toIntExact(states.getShape().get(2));
    float[] all = states.toFloatArray();
    float[] last = new float[prompts.size() * width];
    for (int i = 0; i < prompts.size(); i++) {
      int row = i * positions + lastToken(prompts.get(i), tokenizer);
      System.arraycopy(all, row * width, last, i * width, width);
    }
    return scope.create(last, new Shape(prompts.size(), 1, width));
  }

  /** The position of the last token; the start token is at position 0. */
  private static int lastToken(String prompt, PromptTokenizer tokenizer) {
    return tokenizer.tokens(prompt).ids().size();
  }

  private NDArray encode(List<String> prompts, NDManager scope) {
    return model.encode(prompts, scope).textEmbeddings();
  }

  private PromptTokenizer tokenizer() {
    return model
        .capability(PromptTokenizer.class)
        .orElseThrow(() ->
            new UnsupportedCapabilityException(
                model.descriptor().name(),
                PromptTokenizer.class.getSimpleName(),
                "the position of a concept's last token"));
  }

  private static List<String> targets(List<PromptMapping> mappings) {
    return mappings.stream().map(PromptMapping::target).toList();
  }

  private static List<String> anchors(List<PromptMapping> mappings) {
    return mappings.stream().map(PromptMapping::anchor).toList();
  }
}
