package dev.ablation.evaluation;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorStrategy;
import dev.ablation.concept.Concept;
import dev.ablation.concept.ConceptKind;
import dev.ablation.metric.FeatureExtractor;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageEncoder;
import dev.ablation.model.Conditioning;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import dev.ablation.sample.LatentSampler;
import dev.ablation.sample.SamplingSettings;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds a target's neighbours in a list of names: those whose embeddings are nearest to the
 * target's. The names take the target's place in the anchor's prompts, so that only they differ;
 * the embedding of a concept is the mean of the normalized embeddings of its prompts or images.
 *
 * {@snippet class="dev.ablation.EvaluationSnippets" region="nearest"}
 *
 * <p>Several embeddings may be compared; then the mean of the ranks decides. The list that comes
 * back has all distances and is a proposal: leave out, add, and pass it to {@link
 * Evaluation#neighbours(List)}. Immutable.
 */
@CheckReturnValue
public final class NeighbourSearch {
  /** Prompts of a concept, of which the embeddings are averaged. */
  private static final int PROMPTS = 4;

  private static final int TEXTS_AT_ONCE = 64;
  private static final int SHORT_LIST = 24;

  private final List<String> vocabulary;
  private final @Nullable TextImageEncoder texts;
  private final @Nullable ByImages images;
  private final int shortList;

  /** How images are drawn and compared. */
  private record ByImages(FeatureExtractor extractor, int count, SamplingSettings sampling) {}

  private NeighbourSearch(
      List<String> vocabulary,
      @Nullable TextImageEncoder texts,
      @Nullable ByImages images,
      int shortList) {
    this.vocabulary = vocabulary;
    this.texts = texts;
    this.images = images;
    this.shortList = shortList;
  }

  /**
   * Searches a list by the model's own text encoder.
   *
   * @param vocabulary names of concepts of the target's kind, such as those that must be preserved;
   *     at least one. The target, its aliases and the anchor are left out
   * @return the search
   * @throws IllegalArgumentException if there is none, or one is blank
   */
  public static NeighbourSearch among(List<String> vocabulary) {
    Set<String> names = new LinkedHashSet<>(vocabulary.stream().map(String::strip).toList());
    Preconditions.checkArgument(!names.isEmpty(), "vocabulary must not be empty");
    Preconditions.checkArgument(!names.contains(""), "names of the vocabulary must not be blank");
    return new NeighbourSearch(List.copyOf(names), null, null, SHORT_LIST);
  }

  /**
   * Searches a list of the library: for a style names of artists and styles, for anything else
   * names of animals, plants, food, vehicles, buildings and things.
   *
   * @param kind the target's kind
   * @return the search
   */
  public static NeighbourSearch builtIn(ConceptKind kind) {
    String name = kind == ConceptKind.STYLE ? "styles.txt" : "objects.txt";
    try (InputStream in =
        Objects.requireNonNull(
            NeighbourSearch.class.getResourceAsStream(name), "resource " + name)) {
      return among(
          new String(in.readAllBytes(), StandardCharsets.UTF_8)
              .lines()
              .filter(line -> !line.isBlank())
              .toList());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Compares the text embeddings of an encoder, too.
   *
   * @param encoder such as CLIP ViT-B/32; owned by the caller
   * @return a search that also uses the encoder
   */
  public NeighbourSearch texts(TextImageEncoder encoder) {
    Objects.requireNonNull(encoder, "encoder");
    return new NeighbourSearch(vocabulary, encoder, images, shortList);
  }

  /**
   * Compares images, too, which the model draws of the {@linkplain #shortList nearest names by
   * texts} and of the target.
   *
   * @param extractor such as the CLIP image tower; owned by the caller
   * @param images of each concept, positive; image i is drawn from seed i
   * @param sampling how they are drawn
   * @return a search that also uses images
   */
  public NeighbourSearch images(FeatureExtractor extractor, int images, SamplingSettings sampling) {
    Objects.requireNonNull(extractor, "extractor");
    Objects.requireNonNull(sampling, "sampling");
    Preconditions.checkArgument(images > 0, "images must be positive, was %s", images);
    return new NeighbourSearch(
        vocabulary, texts, new ByImages(extractor, images, sampling), shortList);
  }

  /**
   * Changes of how many names images are drawn, 24 by default.
   *
   * @param names positive; those that are nearest by texts
   * @return a search with the given number
   */
  public NeighbourSearch shortList(int names) {
    Preconditions.checkArgument(names > 0, "names must be positive, was %s", names);
    return new NeighbourSearch(vocabulary, texts, images, names);
  }

  /** {@return the names that are searched} */
  public List<String> vocabulary() {
    return vocabulary;
  }

  /**
   * Searches.
   *
   * @param model encodes the texts and draws the images; owned by the caller and left unchanged
   * @param target the target
   * @param anchor supplies the prompts in which names take the target's place
   * @return the names with their distances, the nearest first: all of the vocabulary, or the
   *     shortlist if images are compared
   * @throws IllegalArgumentException if no name but those of the target and the anchor is left, no
   *     prompt can be derived, or the model cannot draw images that are to be compared
   */
  public List<NearConcept> find(DiffusionModel model, Concept target, AnchorStrategy anchor) {
    return find(model, target, anchor.name(), anchor.prompts(target));
  }

  /**
   * Searches.
   *
   * @param model as above
   * @param target the target
   * @param anchor the anchor's name
   * @param anchorPrompts at least one; the first ones are used
   * @return as above
   */
  public List<NearConcept> find(
      DiffusionModel model, Concept target, String anchor, List<String> anchorPrompts) {
    Preconditions.checkArgument(!anchorPrompts.isEmpty(), "anchor prompts must not be empty");
    Set<String> excluded = new TreeSet<>(String.CASE_INSENSITIVE_ORDER);
    excluded.add(target.name());
    excluded.add(anchor);
    excluded.addAll(target.aliases());
    excluded.add(plain(target.name()));
    excluded.add(plain(anchor));
    List<String> names =
        vocabulary.stream()
            .filter(name -> !excluded.contains(name) && !excluded.contains(plain(name)))
            .toList();
    Preconditions.checkArgument(
        !names.isEmpty(),
        "the vocabulary must have names other than the target's and the anchor's, was %s",
        vocabulary);
    if (images != null && model.capability(LatentCodec.class).isEmpty()) {
      throw new IllegalArgumentException(
          "model '%s' has no LatentCodec, which is needed to compare images"
              .formatted(model.descriptor().name()));
    }
    List<String> all = new ArrayList<>(List.of(target.name()));
    all.addAll(names);
    List<List<String>> prompts =
        all.stream().map(name -> prompts(target, name, anchor, anchorPrompts)).toList();
    Map<String, double[]> distances = new LinkedHashMap<>();
    distances.put(
        "text encoder of '%s'".formatted(model.descriptor().name()),
        distances(prompts, texts -> encoded(model, texts)));
    TextImageEncoder encoder = texts;
    if (encoder != null) {
      distances.put(
          "texts (%s)".formatted(encoder.info().name()), distances(prompts, encoder::encode));
    }
    List<Integer> nearest = ranked(distances, IntStream.range(0, names.size()).boxed().toList());
    ByImages drawing = images;
    if (drawing != null) {
      nearest = nearest.subList(0, Math.min(shortList, nearest.size()));
      double[] byImages = new double[names.size()];
      FeatureMatrix own = drawn(model, drawing, prompts.get(0));
      for (int index : nearest) {
        FeatureMatrix other = drawn(model, drawing, prompts.get(index + 1));
        byImages[index] = 1 - mean(other).cosine(0, mean(own), 0);
      }
      distances.put("images (%s)".formatted(drawing.extractor().info().name()), byImages);
      nearest = ranked(distances, nearest);
    }
    List<NearConcept> found = new ArrayList<>();
    for (int index : nearest) {
      Map<String, Double> own = new LinkedHashMap<>();
      distances.forEach((by, values) -> own.put(by, values[index]));
      found.add(new NearConcept(names.get(index), own));
    }
    return List.copyOf(found);
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceFirst("^(an?|the) ", "");
  }

  private static List<String> prompts(
      Concept target, String name, String anchor, List<String> anchorPrompts) {
    return target
        .named(name)
        .map(concept ->
            anchorPrompts.stream()
                .distinct()
                .limit(PROMPTS)
                .map(prompt -> concept.targetPrompts(prompt, anchor).get(0))
                .toList())
        .orElse(List.of(name));
  }

  /** Embeds texts, one row each. */
  private interface Embedding {
    FeatureMatrix of(List<String> texts);
  }

  /** The distances of all groups of prompts but the first from the first. */
  private static double[] distances(List<List<String>> prompts, Embedding embedding) {
    List<String> all = prompts.stream().flatMap(List::stream).toList();
    List<FeatureMatrix> parts = new ArrayList<>();
    for (int from = 0; from < all.size(); from += TEXTS_AT_ONCE) {
      parts.add(embedding.of(all.subList(from, Math.min(all.size(), from + TEXTS_AT_ONCE))));
    }
    FeatureMatrix rows = FeatureMatrix.concat(parts);
    List<FeatureMatrix> means = new ArrayList<>();
    int row = 0;
    for (List<String> group : prompts) {
      means.add(mean(rows.select(IntStream.range(row, row + group.size()).toArray())));
      row += group.size();
    }
    return means.stream()
        .skip(1)
        .mapToDouble(mean -> 1 - mean.cosine(0, means.get(0), 0))
        .toArray();
  }

  /** The mean of the normalized rows. */
  private static FeatureMatrix mean(FeatureMatrix rows) {
    float[] mean = new float[rows.dimension()];
    for (int i = 0; i < rows.rows(); i++) {
      double length = Math.sqrt(rows.dot(i, rows, i));
      for (int k = 0; k < mean.length && length > 0; k++) {
        mean[k] += (float) (rows.get(i, k) / length / rows.rows());
      }
    }
    return FeatureMatrix.of(mean, mean.length);
  }

  /** The mean over the positions of the text embeddings, which every kind of model has. */
  private static FeatureMatrix encoded(DiffusionModel model, List<String> prompts) {
    try (NDManager scope = model.newScope()) {
      NDArray text = model.encode(prompts, scope).get(Conditioning.TEXT);
      NDArray means = text.mean(new int[] {1});
      return FeatureMatrix.of(means.toFloatArray(), (int) means.getShape().get(1));
    }
  }

  private static FeatureMatrix drawn(DiffusionModel model, ByImages drawing, List<String> prompts) {
    List<String> each =
        IntStream.range(0, drawing.count()).mapToObj(i -> prompts.get(i % prompts.size())).toList();
    List<BufferedImage> images = LatentSampler.of(model).settings(drawing.sampling()).draw(each, 0);
    return drawing.extractor().extract(images);
  }

  /** Orders indices by the mean of their ranks. */
  private static List<Integer> ranked(Map<String, double[]> distances, List<Integer> indices) {
    Map<Integer, Integer> ranks = new LinkedHashMap<>();
    for (double[] values : distances.values()) {
      List<Integer> order =
          indices.stream().sorted(Comparator.comparingDouble(index -> values[index])).toList();
      for (int rank = 0; rank < order.size(); rank++) {
        ranks.merge(order.get(rank), rank, Integer::sum);
      }
    }
    return indices.stream().sorted(Comparator.comparingInt(ranks::get)).toList();
  }
}
