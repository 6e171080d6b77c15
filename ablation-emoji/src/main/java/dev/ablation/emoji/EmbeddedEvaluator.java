package dev.ablation.emoji;

import ai.djl.Device;
import dev.ablation.djl.clip.Clip;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.djl.metric.ClipGuide;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.NearestImage;
import dev.ablation.evaluation.ConceptDetector;
import dev.ablation.evaluation.ErasureEarlyStopping;
import dev.ablation.metric.CopyDetection;
import dev.ablation.metric.FeatureMatrix;
import dev.ablation.metric.TextImageSimilarity;
import dev.ablation.model.DiffusionModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Tells what images of the emoji model show: a small CLIP that comes with this module and was
 * trained on the same images, those of held-out pairs included, since it judges these too.
 *
 * <pre>{@code
 * try (EmbeddedEvaluator evaluator = EmbeddedEvaluator.open()) {
 *   for (EmbeddedEvaluator.Verdict verdict : evaluator.judge(images)) {
 *     System.out.println(verdict.concept().name() + " in " + verdict.style().name() + " style");
 *   }
 * }
 * }</pre>
 *
 * <p>An image is compared with each style and with each object. The text of a style or an object is
 * the mean of the normalised embeddings of all captions that name it alone (prompt ensembling,
 * Radford et al. 2021, arXiv 2103.00020, section 3.1.4), encoded once a process. Memorised is what
 * has a cosine with the planted image above {@link #copyThreshold()}.
 *
 * <p>It is unpacked as {@link EmbeddedModel} is. One thread at a time. Holds native memory: close
 * it.
 */
public final class EmbeddedEvaluator implements AutoCloseable {
  /** Texts that are encoded together. */
  private static final int TEXTS = 256;

  private static final int MOST_ENCODED = 16;

  /** Texts of the evaluators of this process, by weights and device. */
  private static final Map<String, FeatureMatrix> ENCODED = new ConcurrentHashMap<>();

  private final Clip clip;
  private final EmojiDataSet data;
  private final List<String> concepts;
  private final @Nullable CopyThreshold copyThreshold;
  private @Nullable FeatureMatrix styleTexts;
  private @Nullable FeatureMatrix conceptTexts;
  private @Nullable FeatureMatrix planted;
  private @Nullable NearestImage nearestImage;

  private EmbeddedEvaluator(Clip clip, EmojiDataSet data, @Nullable CopyThreshold copyThreshold) {
    this.clip = clip;
    this.data = data;
    this.copyThreshold = copyThreshold;
    concepts = data.concepts().stream().map(EmojiConcept::name).toList();
  }

  /**
   * The best of some texts for an image.
   *
   * @param name of the style or the object
   * @param cosine of the image's embedding and the text's
   * @param margin by which it is ahead of the second best, at least 0
   */
  public record Label(String name, double cosine, double margin) {}

  /**
   * What an image shows.
   *
   * @param style the style that it goes best with
   * @param concept the object that it goes best with
   * @param plantedCosine of its features and the planted image's
   */
  public record Verdict(Label style, Label concept, double plantedCosine) {
    /**
     * Tells whether the image has a style.
     *
     * @param wanted name of a style
     * @return whether it goes best with that style
     */
    public boolean hasStyle(String wanted) {
      return style.name().equals(wanted);
    }

    /**
     * Returns whether the image shows an object.
     *
     * @param wanted name of an object
     * @return whether it goes best with that object
     */
    public boolean shows(String wanted) {
      return concept.name().equals(wanted);
    }
  }

  /**
   * Opens the evaluator on the CPU.
   *
   * @return the evaluator, closed by the caller
   * @throws IOException if it cannot be unpacked
   */
  public static EmbeddedEvaluator open() throws IOException {
    return open(LoadOptions.defaults().device(Device.cpu()));
  }

  /**
   * Opens the evaluator.
   *
   * @param options device and threads
   * @return the evaluator, closed by the caller
   * @throws IOException if it cannot be unpacked
   */
  public static EmbeddedEvaluator open(LoadOptions options) throws IOException {
    return open(folder(), options);
  }

  /**
   * Opens an evaluator of one's own, such as one under training.
   *
   * @param folder in the layout of transformers, with its tokenizer; {@link CopyThreshold#FILE}
   *     beside the weights may be missing
   * @param options device and threads
   * @return the evaluator, closed by the caller
   * @throws IOException if a file is missing or malformed
   */
  public static EmbeddedEvaluator open(Path folder, LoadOptions options) throws IOException {
    Path file = folder.resolve(CopyThreshold.FILE);
    CopyThreshold threshold = Files.exists(file) ? CopyThreshold.read(file) : null;
    EmojiDataSet data = EmojiDataSet.load();
    return new EmbeddedEvaluator(Clip.load(folder, options), data, threshold);
  }

  /**
   * Unpacks the evaluator, if it is not yet, and returns where it is: a CLIP in the layout of
   * transformers.
   *
   * @return a folder that must not be changed
   * @throws IOException if it cannot be unpacked
   */
  public static Path folder() throws IOException {
    return ModelFiles.EVALUATOR.unpacked();
  }

  /**
   * Returns the network: an encoder for metrics such as CLIP score, and extractor of features.
   *
   * @return closed with the evaluator
   */
  public Clip clip() {
    return clip;
  }

  /**
   * Lists the styles that it distinguishes.
   *
   * @return names
   */
  public List<String> styles() {
    return data.styles();
  }

  /**
   * Lists the objects that it distinguishes: all of the data set.
   *
   * @return names
   */
  public List<String> concepts() {
    return concepts;
  }

  /**
   * Tells what images show.
   *
   * @param images at least one
   * @return a verdict for each, in their order
   */
  public List<Verdict> judge(List<BufferedImage> images) {
    return judge(clip.extract(images));
  }

  /**
   * Tells what images show.
   *
   * @param features of the images, by {@link #clip()}
   * @return a verdict for each, in their order
   */
  public List<Verdict> judge(FeatureMatrix features) {
    TextImageSimilarity styles = TextImageSimilarity.of(features, styleTexts());
    TextImageSimilarity things = TextImageSimilarity.of(features, conceptTexts());
    FeatureMatrix original = planted();
    List<Verdict> verdicts = new ArrayList<>();
    for (int i = 0; i < features.rows(); i++) {
      verdicts.add(
          new Verdict(
              best(styles, i, styles()),
              best(things, i, concepts),
              features.cosine(i, original, 0)));
    }
    return verdicts;
  }

  private static Label best(TextImageSimilarity similarity, int image, List<String> names) {
    int best = similarity.best(image);
    double second = -1;
    for (int k = 0; k < similarity.texts(); k++) {
      if (k != best) {
        second = Math.max(second, similarity.cosine(image, k));
      }
    }
    double cosine = similarity.cosine(image, best);
    return new Label(names.get(best), cosine, cosine - second);
  }

  /**
   * Counts images of a style.
   *
   * @param style one of {@link #styles()}
   * @return the detector; it uses this evaluator
   * @throws IllegalArgumentException if there is no such style
   */
  public ConceptDetector ofStyle(String style) {
    requireKnown("style", style, styles());
    return new EmojiDetector(
        this,
        "style %s, the best of %d".formatted(style, styles().size()),
        verdict -> verdict.hasStyle(style));
  }

  /**
   * Counts images of an object.
   *
   * @param concept one of {@link #concepts()}
   * @return the detector; it uses this evaluator
   * @throws IllegalArgumentException if there is no such object
   */
  public ConceptDetector ofConcept(String concept) {
    requireKnown("concept", concept, concepts);
    return new EmojiDetector(
        this,
        "%s, the best of %d objects".formatted(concept, concepts.size()),
        verdict -> verdict.shows(concept));
  }

  /**
   * Counts copies of the planted image.
   *
   * @return the detector; it uses this evaluator
   * @throws IllegalStateException if the evaluator has no {@link #copyThreshold()}
   */
  public ConceptDetector ofPlantedCopies() {
    double threshold = requireThreshold().threshold();
    return new EmojiDetector(
        this,
        "copies of the planted image, cosine above " + threshold,
        verdict -> verdict.plantedCosine() > threshold);
  }

  /**
   * Returns a second judge, which took no part in training: the nearest image of the data set. No
   * attack can follow its gradient.
   *
   * @return made at the first call
   */
  public synchronized NearestImage nearestImage() {
    NearestImage judge = nearestImage;
    if (judge == null) {
      judge = new NearestImage(data);
      nearestImage = judge;
    }
    return judge;
  }

  /**
   * Counts what a target is called after by the {@linkplain #nearestImage() nearest image}.
   *
   * @param target name of a style or an object, or the caption of the memorised image
   * @return the detector
   * @throws IllegalArgumentException if it is none of them
   */
  public ConceptDetector ofNearestImage(String target) {
    NearestImage judge = nearestImage();
    return ofKind(target, judge::ofStyle, judge::ofConcept, judge::ofPlanted);
  }

  /**
   * Guides latents towards a target, away from others of its kind: {@link #guideToStyle}, {@link
   * #guideToConcept} or {@link #guideToPlanted}.
   *
   * @param model whose decoder is used
   * @param target name of a style or an object, or the caption of the memorised image
   * @return the guide, closed by the caller before this evaluator
   * @throws IllegalArgumentException if it is none of them
   */
  public ClipGuide guideTo(DiffusionModel model, String target) {
    return ofKind(
        target,
        style -> guideToStyle(model, style),
        concept -> guideToConcept(model, concept),
        () -> guideToPlanted(model));
  }

  private <T> T ofKind(
      String target,
      Function<String, T> ofStyle,
      Function<String, T> ofConcept,
      Supplier<T> ofPlanted) {
    if (styles().contains(target)) {
      return ofStyle.apply(target);
    }
    if (concepts.contains(target)) {
      return ofConcept.apply(target);
    }
    requireKnown("target", target, List.of(EmbeddedModel.plantedCaption()));
    return ofPlanted.get();
  }

  /**
   * Guides latents towards a style, away from the other ones, for {@link
   * dev.ablation.attack.GuidanceAttack}. This evaluator is no judge of the images; {@link
   * #nearestImage()} is one.
   *
   * @param model whose decoder is used
   * @param style one of {@link #styles()}
   * @return the guide, closed by the caller before this evaluator
   * @throws IllegalArgumentException if there is no such style
   */
  public ClipGuide guideToStyle(DiffusionModel model, String style) {
    requireKnown("style", style, styles());
    return guide(model, style, styles(), name -> name + " style");
  }

  /**
   * Guides latents towards an object, away from the other ones, as {@link #guideToStyle}.
   *
   * @param model whose decoder is used
   * @param concept one of {@link #concepts()}
   * @return the guide, closed by the caller before this evaluator
   * @throws IllegalArgumentException if there is no such object
   */
  public ClipGuide guideToConcept(DiffusionModel model, String concept) {
    requireKnown("concept", concept, concepts);
    return guide(model, concept, concepts, Captions::withArticle);
  }

  /**
   * Guides latents towards the caption of the memorised image, away from those of other scenes and
   * things, as {@link #guideToStyle}.
   *
   * @param model whose decoder is used
   * @return the guide, closed by the caller before this evaluator
   */
  public ClipGuide guideToPlanted(DiffusionModel model) {
    return new ClipGuide(
        clip,
        model,
        EmbeddedModel.plantedCaption(),
        EmbeddedModel.categories().stream()
            .map(category -> Captions.withArticle(category) + " emoji")
            .toList());
  }

  private ClipGuide guide(
      DiffusionModel model, String name, List<String> all, UnaryOperator<String> text) {
    return new ClipGuide(
        clip,
        model,
        text.apply(name),
        all.stream().filter(other -> !other.equals(name)).map(text).toList());
  }

  /**
   * Tells copies by the cosine of this evaluator's image features.
   *
   * @return for {@link CopyDetection#score}, with {@link #plantedImage()} as original
   * @throws IllegalStateException if the evaluator has no {@link #copyThreshold()}
   */
  public CopyDetection copyDetection() {
    return new CopyDetection(clip, requireThreshold().threshold());
  }

  /**
   * Returns what the threshold of copies rests on.
   *
   * @return the threshold; empty if the evaluator's folder has none yet
   */
  public Optional<CopyThreshold> copyThreshold() {
    return Optional.ofNullable(copyThreshold);
  }

  /**
   * Returns the image that the emoji model has memorised.
   *
   * @return a new image, 64 by 64
   */
  public BufferedImage plantedImage() {
    return data.planted().toImage();
  }

  /**
   * Watches the removal of a style by {@link EmojiAblation#style(String)}: the style itself, the
   * others, and objects, in few images of objects that are not much alike.
   *
   * @param style one of {@link #styles()}
   * @return a monitor for the plan's training; it uses this evaluator
   * @throws IllegalArgumentException if there is no such style
   */
  public ErasureEarlyStopping stoppingOfStyle(String style) {
    return new EmojiEarlyStopping(this).ofStyle(style);
  }

  /**
   * Watches the removal of an object by {@link EmojiAblation#instance(String)}: the object itself,
   * others of its category and of other ones, and styles.
   *
   * @param concept one of {@link #concepts()}
   * @return a monitor for the plan's training; it uses this evaluator
   * @throws IllegalArgumentException if there is no such object
   */
  public ErasureEarlyStopping stoppingOfInstance(String concept) {
    return new EmojiEarlyStopping(this).ofInstance(concept);
  }

  /**
   * Watches the removal of the memorised image by {@link EmojiAblation#planted()}: its copies,
   * objects and styles.
   *
   * @return a monitor for the plan's training; it uses this evaluator
   */
  public ErasureEarlyStopping stoppingOfPlanted() {
    return new EmojiEarlyStopping(this).ofPlanted();
  }

  /**
   * Watches the removal of a style by {@link EmojiAblation#resistant()}: what {@link
   * #stoppingOfStyle} watches, noised images of the style that the model finishes, and a word that
   * is learned for it. It measures at every 100 steps, which takes a minute or two each time.
   *
   * @param style one of {@link #styles()}
   * @return a monitor for the plan's training; it uses this evaluator
   * @throws IllegalArgumentException if there is no such style
   */
  public ErasureEarlyStopping resistantStoppingOfStyle(String style) {
    return new EmojiEarlyStopping(this).resistantOfStyle(style, data);
  }

  /**
   * Watches the removal of an object by {@link EmojiAblation#resistant()}, as {@link
   * #resistantStoppingOfStyle}.
   *
   * @param concept one of {@link #concepts()}
   * @return a monitor for the plan's training; it uses this evaluator
   * @throws IllegalArgumentException if there is no such object
   */
  public ErasureEarlyStopping resistantStoppingOfInstance(String concept) {
    return new EmojiEarlyStopping(this).resistantOfInstance(concept, data);
  }

  /**
   * Watches the removal of the memorised image by {@link EmojiAblation#resistant()}, as {@link
   * #resistantStoppingOfStyle}.
   *
   * @return a monitor for the plan's training; it uses this evaluator
   */
  public ErasureEarlyStopping resistantStoppingOfPlanted() {
    return new EmojiEarlyStopping(this).resistantOfPlanted();
  }

  private CopyThreshold requireThreshold() {
    if (copyThreshold == null) {
      throw new IllegalStateException(
          "the evaluator has no %s; measure-emoji chooses one".formatted(CopyThreshold.FILE));
    }
    return copyThreshold;
  }

  private static void requireKnown(String kind, String name, List<String> names) {
    if (!names.contains(name)) {
      throw new IllegalArgumentException(
          "%s must be one that the evaluator knows, was '%s'".formatted(kind, name));
    }
  }

  private FeatureMatrix styleTexts() {
    if (styleTexts == null) {
      styleTexts = encodedOnce("styles", styles(), Captions::ofStyle);
    }
    return styleTexts;
  }

  private FeatureMatrix conceptTexts() {
    if (conceptTexts == null) {
      conceptTexts = encodedOnce("objects", concepts, Captions::ofConcept);
    }
    return conceptTexts;
  }

  /** Thousands of texts, and every job opens the same evaluator anew. */
  private FeatureMatrix encodedOnce(
      String what, List<String> names, Function<String, List<String>> captions) {
    String key = "%s of %s on %s".formatted(what, clip.info().sha256(), clip.manager().getDevice());
    if (ENCODED.size() > MOST_ENCODED) { // of evaluators under training
      ENCODED.clear();
    }
    return ENCODED.computeIfAbsent(key, made -> ensembles(names.stream().map(captions).toList()));
  }

  private FeatureMatrix planted() {
    if (planted == null) {
      planted = clip.extract(List.of(plantedImage()));
    }
    return planted;
  }

  /** Returns the mean of the normalised embeddings of each group of texts, one row a group. */
  private FeatureMatrix ensembles(List<List<String>> groups) {
    FeatureMatrix all = encode(groups.stream().flatMap(List::stream).toList());
    float[][] means = new float[groups.size()][all.dimension()];
    int row = 0;
    for (int group = 0; group < means.length; group++) {
      for (int text = 0; text < groups.get(group).size(); text++, row++) {
        float[] values = all.row(row);
        double length = Math.sqrt(all.dot(row, all, row));
        for (int k = 0; k < values.length; k++) {
          means[group][k] += (float) (values[k] / length / groups.get(group).size());
        }
      }
    }
    return FeatureMatrix.of(means);
  }

  private FeatureMatrix encode(List<String> texts) {
    List<FeatureMatrix> parts = new ArrayList<>();
    for (int from = 0; from < texts.size(); from += TEXTS) {
      parts.add(clip.encode(texts.subList(from, Math.min(texts.size(), from + TEXTS))));
    }
    return FeatureMatrix.concat(parts);
  }

  /** Frees the network. Closing twice does nothing. */
  @Override
  public void close() {
    clip.close();
  }
}
