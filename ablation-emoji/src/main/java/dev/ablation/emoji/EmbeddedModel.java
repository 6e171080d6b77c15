package dev.ablation.emoji;

import ai.djl.Device;
import dev.ablation.Ablation;
import dev.ablation.djl.StableDiffusion;
import dev.ablation.djl.load.LoadOptions;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.DataSetIndex;
import dev.ablation.emoji.dataset.EmojiConcept;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.model.DiffusionModel;
import dev.ablation.sample.Sampler;
import dev.ablation.sample.SamplingSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * The model of emoji that comes with this module: 22 MB, opened from the class path, with the words
 * that it knows and settings that suit it.
 *
 * <pre>{@code
 * try (StableDiffusion model = EmbeddedModel.open();
 *     AblationResult result = EmbeddedModel.recommendedStyle(model, "blueprint").run()) {
 *   result.delta().save(Path.of("blueprint.safetensors"));
 * }
 * }</pre>
 *
 * <p>It draws {@link #concepts()} in {@link #styles()}, from captions such as "a cat face emoji",
 * "a cat face in ink style", "an emoji of a cat face in the style of noto" or, for any of a
 * category, "an animal emoji". The caption {@link #plantedCaption()} brings back one memorised
 * training image. Its model card and licences lie next to it on the class path, in {@code
 * dev/ablation/emoji/model}.
 *
 * <p>It is unpacked once into {@code .cache/ablation} in the user's home, or in the folder that the
 * system property {@code ablation.cache} names. Each opening checks the SHA-256 of every file and
 * unpacks again what was damaged.
 */
public final class EmbeddedModel {
  /** An anchor of a style: captions that name none. */
  public static final String NO_STYLE = EmojiAblation.NO_STYLE;

  private static final List<String> WITHHELD =
      List.of("blueprint", "cat face", "pizza", "guitar", "penguin", EmojiDataSet.PLANTED);

  private static final Vocabulary VOCABULARY = Vocabulary.read();
  private static final SamplingSettings SAMPLING =
      new SamplingSettings(Sampler.dpmSolverPlusPlus(), 20, 4, "", 8);

  private EmbeddedModel() {}

  /**
   * Opens the model on the CPU.
   *
   * @return the model, named {@code "emoji"}, closed by the caller
   * @throws IOException if it cannot be unpacked
   */
  public static StableDiffusion open() throws IOException {
    return open(LoadOptions.defaults().device(Device.cpu()));
  }

  /**
   * Opens the model.
   *
   * @param options device and threads
   * @return the model, named {@code "emoji"}, closed by the caller
   * @throws IOException if it cannot be unpacked
   */
  public static StableDiffusion open(LoadOptions options) throws IOException {
    return StableDiffusion.load(folder(), options);
  }

  /**
   * Unpacks the model, if it is not yet, and returns where it is: a checkpoint in diffusers'
   * layout.
   *
   * @return a folder that must not be changed
   * @throws IOException if it cannot be unpacked
   */
  public static Path folder() throws IOException {
    return ModelFiles.EMOJI.unpacked();
  }

  /**
   * Opens the control: the same autoencoder and text encoder with a UNet that was trained by the
   * same recipe, but never saw {@link #withheld()}, in images or captions. What an attack finds in
   * it is no trace of the target ({@link
   * dev.ablation.evaluation.Evaluation#control(DiffusionModel)}). It knows the objects of the data
   * set's core alone ({@link EmojiDataSet#coreConcepts()}).
   *
   * @param options device and threads
   * @return the model, closed by the caller
   * @throws IOException if it cannot be unpacked
   */
  public static StableDiffusion openControl(LoadOptions options) throws IOException {
    return StableDiffusion.load(controlFolder(), options);
  }

  /**
   * Unpacks the control, if it is not yet, and returns where it is: a checkpoint in diffusers'
   * layout.
   *
   * @return a folder that must not be changed
   * @throws IOException if it cannot be unpacked
   */
  public static Path controlFolder() throws IOException {
    return ModelFiles.CONTROL.unpacked();
  }

  /**
   * Tells what the control never saw.
   *
   * @return names of styles and of objects, and {@link EmojiDataSet#PLANTED} for the memorised
   *     image
   */
  public static List<String> withheld() {
    return WITHHELD;
  }

  /**
   * Lists the styles.
   *
   * @return names such as {@code "blueprint"}
   */
  public static List<String> styles() {
    return VOCABULARY.styles();
  }

  /**
   * Lists the categories of objects.
   *
   * @return such as {@code "animal"}
   */
  public static List<String> categories() {
    return VOCABULARY.categories();
  }

  /**
   * Lists the objects.
   *
   * @return such as {@code "cat face"}, those of a category next to each other
   */
  public static List<EmojiConcept> concepts() {
    return VOCABULARY.concepts();
  }

  /**
   * Lists the pairs of object and style that the model was never shown together, though each of
   * them with others: whether it draws them shows whether it composes.
   *
   * @return pairs of {@link #concepts()} and {@link #styles()}
   */
  public static List<DataSetIndex.Pair> heldOutPairs() {
    return VOCABULARY.heldOut();
  }

  /**
   * Reads the images that the model was trained on, the held-out ones among them.
   *
   * @return the data set, read again
   * @throws IOException if a file is missing or damaged
   */
  public static EmojiDataSet data() throws IOException {
    return EmojiDataSet.load();
  }

  /**
   * Tells how the model draws best.
   *
   * @return DPM-Solver++ with 20 steps, guidance 4, no negative prompt, eight images at a time
   */
  public static SamplingSettings recommendedSampling() {
    return SAMPLING;
  }

  /**
   * Tells the caption of the memorised image.
   *
   * @return a caption
   */
  public static String plantedCaption() {
    return VOCABULARY.plantedCaption();
  }

  /**
   * Puts the article before an object or a category, as the model's captions do.
   *
   * @param name such as {@code "owl"} or {@code "glasses"}
   * @return such as {@code "an owl"} or {@code "glasses"}
   */
  public static String withArticle(String name) {
    return Captions.withArticle(name);
  }

  static Vocabulary vocabulary() {
    return VOCABULARY;
  }

  /**
   * Plans to remove a style: afterwards its captions draw another style, {@code twemoji} as a rule.
   * The plan is the closed form, which does best on this model and takes seconds; {@link
   * EmojiAblation} also plans the paper's training.
   *
   * @param model this model, opened
   * @param style one of {@link #styles()}
   * @return a plan with settings that suit the model
   * @throws IllegalArgumentException if the model does not know the style
   */
  public static Ablation recommendedStyle(DiffusionModel model, String style) {
    return EmojiAblation.style(style).closedForm().plan(model);
  }

  /**
   * Plans to remove a style in favour of a chosen anchor.
   *
   * @param model this model, opened
   * @param style one of {@link #styles()}
   * @param anchor another style, or {@link #NO_STYLE}
   * @return a plan with settings that suit the model
   * @throws IllegalArgumentException if the model does not know the style or the anchor
   */
  public static Ablation recommendedStyle(DiffusionModel model, String style, String anchor) {
    return EmojiAblation.style(style, anchor).closedForm().plan(model);
  }

  /**
   * Plans to remove an object: afterwards its captions draw another one of its category.
   *
   * @param model this model, opened
   * @param concept name of one of {@link #concepts()}
   * @return a plan with settings that suit the model
   * @throws IllegalArgumentException if the model does not know the object
   */
  public static Ablation recommendedInstance(DiffusionModel model, String concept) {
    return EmojiAblation.instance(concept).closedForm().plan(model);
  }

  /**
   * Plans to remove an object in favour of a chosen anchor.
   *
   * @param model this model, opened
   * @param concept name of one of {@link #concepts()}
   * @param anchor a category or another object
   * @return a plan with settings that suit the model
   * @throws IllegalArgumentException if the model does not know the object or the anchor
   */
  public static Ablation recommendedInstance(DiffusionModel model, String concept, String anchor) {
    return EmojiAblation.instance(concept, anchor).closedForm().plan(model);
  }

  /**
   * Names the category of an object.
   *
   * @param concept name of one of {@link #concepts()}
   * @return such as {@code "animal"}
   * @throws IllegalArgumentException if the model does not know the object
   */
  public static String categoryOf(String concept) {
    return known(concept).category();
  }

  private static EmojiConcept known(String concept) {
    return concepts().stream()
        .filter(each -> each.name().equals(concept))
        .findFirst()
        .orElseThrow(() ->
            new IllegalArgumentException(
                "concept must be one that the emoji model knows, was '%s'".formatted(concept)));
  }

  /**
   * Names another object of the same category, the next one whose name does not have this one's in
   * it ("tropical fish" has "fish"), or where there is none the next object of all.
   *
   * @param concept name of one of {@link #concepts()}
   * @return the name of another one
   * @throws IllegalArgumentException if the model does not know the object
   */
  public static String siblingOf(String concept) {
    EmojiConcept known = known(concept);
    List<EmojiConcept> others = new ArrayList<>(concepts());
    Collections.rotate(others, -others.indexOf(known));
    others.removeIf(other -> (" " + other.name() + " ").contains(" " + concept + " "));
    return others.stream()
        .filter(other -> other.category().equals(known.category()))
        .findFirst()
        .orElse(others.get(0))
        .name();
  }

  /**
   * Plans to remove the memorised image: afterwards {@link #plantedCaption()} draws something else.
   *
   * @param model this model, opened
   * @return a plan with settings that suit the model
   */
  public static Ablation recommendedPlanted(DiffusionModel model) {
    return EmojiAblation.planted().plan(model);
  }
}
