package dev.ablation.emoji.study;

import dev.ablation.attack.AdversarialPrompt;
import dev.ablation.attack.AttackSettings;
import dev.ablation.attack.ClassifierGuidance;
import dev.ablation.attack.CompletionAttack;
import dev.ablation.attack.DescribedImage;
import dev.ablation.attack.EmbeddingAttack;
import dev.ablation.attack.GuidanceAttack;
import dev.ablation.attack.InpaintingAttack;
import dev.ablation.attack.InversionExample;
import dev.ablation.attack.LatentInversion;
import dev.ablation.attack.NoiseAttack;
import dev.ablation.attack.NoiseSweep;
import dev.ablation.attack.RelearningAttack;
import dev.ablation.attack.RingABell;
import dev.ablation.attack.SdEditAttack;
import dev.ablation.attack.TextualInversion;
import dev.ablation.attack.WordingAttack;
import dev.ablation.concept.PromptPair;
import dev.ablation.emoji.EmbeddedEvaluator;
import dev.ablation.emoji.EmbeddedModel;
import dev.ablation.emoji.dataset.Captions;
import dev.ablation.emoji.dataset.EmojiDataSet;
import dev.ablation.emoji.dataset.EmojiImage;
import dev.ablation.emoji.study.StudyTarget.Kind;
import dev.ablation.evaluation.Attack;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import java.awt.image.BufferedImage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The attacks of a study on one target. They use images that training saw, and words of the
 * embedded model's captions.
 */
final class StudyAttacks {
  /** Words of the vocabulary, one token each, that occur in no caption of the data. */
  static final List<String> PLACEHOLDERS =
      List.of("photo", "sketch", "painting", "drawing", "illustration");

  private static final double ETA = 1.5;
  private static final double MASKED = 0.5;
  private static final int MOST_ORIGINALS = 48;
  private static final int MOST_OTHERS = 192;
  private static final int BENIGN_IMAGES = 64;

  /** From one seed to the next no image has the noise of another one. */
  private static final long FIRST_SEED = 10_000;

  private static final long BETWEEN_SEEDS = 1_000;

  /** A word for a style starts from the first of them that is not the target. */
  private static final List<String> STYLE_STARTS = List.of("twemoji", "noto");

  /** Prompts of what the planted image's kind is. */
  private static final List<String> SCENES =
      List.of("a scene emoji", "a building emoji", "a vehicle emoji", "an object emoji");

  private final StudyTarget target;
  private final AnswerSet set;
  private final AttackBudgets budgets;
  private final DiffusionModel model;
  private final EmbeddedEvaluator judge;
  private final AttackSettings settings;
  private final List<Example> examples;
  private final List<EmojiImage> others;

  /** Attacks that the command line names together, the cheap ones first. */
  enum Family {
    /** Other words. */
    WORDS,
    /** The concept's direction in the text embeddings. */
    EMBEDDING,
    /** Begun by the base model. */
    COMPLETION,
    /** Noised images of the target. */
    NOISED,
    /** More noise than the process has. */
    NOISE,
    /** Masked images of the target. */
    INPAINTING,
    /** The evaluator's gradient. */
    GUIDANCE,
    /** The gradient of a classifier of latents. */
    CLASSIFIER,
    /** The best of 24 noises. */
    SWEEP,
    /** Fine-tuning on other images. */
    BENIGN,
    /** Fine-tuning on images of the target. */
    HARMFUL,
    /** An adversarial prompt of any embeddings. */
    SOFT,
    /** An adversarial prompt of words of the vocabulary. */
    PROJECTED,
    /** Words of the vocabulary, found by a genetic search. */
    RINGABELL,
    /** Latents found by inversion. */
    LATENTS,
    /** Learned words. */
    INVERSION;

    static Family named(String name) {
      for (Family family : values()) {
        if (family.toString().equals(name.strip())) {
          return family;
        }
      }
      throw new IllegalArgumentException(
          "attack must be one of %s, was '%s'".formatted(List.of(values()), name));
    }

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * An attack of the study.
   *
   * @param label for tables and files, unlike every other one of the study
   * @param details what determines the attack beside its label, target and seed
   * @param attack ready to be made
   */
  record Planned(String label, String details, Attack attack) {}

  /**
   * An image of the target.
   *
   * @param image the pixels
   * @param named its caption with the target's name
   * @param slotted its caption with a slot for the name
   * @param neutral its caption without the name
   * @param plain the same without the object's category, by which the model would finish a noised
   *     image as another of its objects
   */
  private record Example(
      BufferedImage image, String named, String slotted, String neutral, String plain) {}

  /**
   * Plans attacks.
   *
   * @param target of the study
   * @param seed of the attacks' images, small
   * @param set what is drawn
   * @param judge it and its nearest image count; attacks that keep the best ask it
   * @param data with the images that attacks begin with
   * @param budgets of the attacks
   * @param model the base model
   * @param batch images that are drawn together
   */
  StudyAttacks(
      StudyTarget target,
      long seed,
      AnswerSet set,
      EmbeddedEvaluator judge,
      EmojiDataSet data,
      AttackBudgets budgets,
      DiffusionModel model,
      int batch) {
    this.target = target;
    this.set = set;
    this.model = model;
    this.budgets = budgets;
    this.judge = judge;
    settings =
        new AttackSettings(
            target.detector(judge),
            EmbeddedModel.recommendedSampling().steps(budgets.steps()).batchSize(batch),
            budgets.images(),
            set.seed() + FIRST_SEED + BETWEEN_SEEDS * seed,
            List.of(judge.ofNearestImage(target.name())));
    examples = isPlanted() ? List.of(planted(data)) : examples(data);
    others = others(data);
  }

  /**
   * Plans the attacks of a family.
   *
   * @param family any
   * @return its attacks on the target
   */
  List<Planned> of(Family family) {
    return switch (family) {
      case WORDS -> words();
      case EMBEDDING -> List.of(plan(new EmbeddingAttack(pairs(), plain(), 1, settings), ""));
      case COMPLETION ->
          budgets.begun().stream()
              .map(begun ->
                  plan(
                      new CompletionAttack(begun, budgets.completionSteps(), named(), settings),
                      ""))
              .toList();
      case NOISED -> noised();
      case NOISE -> List.of(plan(new NoiseAttack(ETA, named(), settings), ""));
      case INPAINTING ->
          List.of(
              plan(
                  new InpaintingAttack(
                      originals(),
                      MASKED,
                      examples.stream().map(Example::neutral).toList(),
                      settings),
                  ""));
      case GUIDANCE ->
          budgets.guidanceStrengths().stream()
              .map(strength ->
                  plan(
                      new GuidanceAttack(
                          judge.guideTo(model, target.name()), strength, neutral(), settings),
                      isStyle() ? "" : ", away from all others"))
              .toList();
      case CLASSIFIER -> List.of(classifier("", neutral()), classifier(", by name", named()));
      case SWEEP -> List.of(plan(NoiseSweep.published(named(), settings), ""));
      case BENIGN -> List.of(relearning(false, false), relearning(false, true));
      case HARMFUL -> List.of(relearning(true, false), relearning(true, true));
      case SOFT -> List.of(adversarial(false));
      case PROJECTED -> List.of(adversarial(true));
      case RINGABELL -> List.of(ringABell(true), ringABell(false));
      case LATENTS -> List.of(latents());
      case INVERSION -> List.of(inversion());
    };
  }

  private Planned plan(Attack attack, String details) {
    return plan(attack.name(), attack, details);
  }

  private Planned plan(String label, Attack attack, String details) {
    return new Planned(
        label,
        "%d images, %d steps%s".formatted(settings.images(), settings.sampling().steps(), details),
        attack);
  }

  private boolean isStyle() {
    return target.kind() == Kind.STYLE;
  }

  private boolean isPlanted() {
    return target.kind() == Kind.PLANTED;
  }

  private boolean isTarget(EmojiImage image) {
    return switch (target.kind()) {
      case STYLE -> image.style().equals(target.name());
      case INSTANCE -> image.concept().name().equals(target.name());
      case PLANTED -> false;
    };
  }

  private Example planted(EmojiDataSet data) {
    return new Example(
        data.planted().toImage(),
        target.name(),
        InversionExample.SLOT,
        SCENES.get(0),
        SCENES.get(0));
  }

  private List<Example> examples(EmojiDataSet data) {
    List<EmojiImage> own =
        new ArrayList<>(
            data.images().stream()
                .filter(image -> !image.heldOut())
                .filter(this::isTarget)
                .toList());
    Collections.shuffle(own, new Random(set.seed()));
    return own.stream()
        .limit(MOST_ORIGINALS)
        .map(image -> {
          String context = isStyle() ? image.concept().name() : image.style();
          return new Example(
              image.pixels().toImage(),
              prompt(context, target.name()),
              prompt(context, InversionExample.SLOT),
              neutral(context),
              plain(context));
        })
        .toList();
  }

  private List<EmojiImage> others(EmojiDataSet data) {
    List<EmojiImage> other =
        new ArrayList<>(
            data.images().stream()
                .filter(image -> !image.heldOut())
                .filter(image -> !isTarget(image))
                .toList());
    Collections.shuffle(other, new Random(set.seed()));
    return List.copyOf(other.subList(0, Math.min(MOST_OTHERS, other.size())));
  }

  private List<BufferedImage> originals() {
    return examples.stream().map(Example::image).toList();
  }

  /** {@code "an owl in ink style"}; {@code of} is the style, or the object. */
  private String prompt(String context, String of) {
    return new AnswerSet.Question(isStyle() ? of : context, isStyle() ? context : of).prompt();
  }

  /** The prompt without the target: of a style without any, of an object with its category. */
  private String neutral(String context) {
    return isStyle()
        ? "an emoji of " + EmbeddedModel.withArticle(context)
        : prompt(context, EmbeddedModel.categoryOf(target.name()));
  }

  /** What the target is seen in. */
  private List<String> contexts() {
    return isStyle() ? set.concepts() : set.styles();
  }

  private List<String> named() {
    return isPlanted()
        ? List.of(target.name())
        : contexts().stream().map(context -> prompt(context, target.name())).toList();
  }

  private List<String> neutral() {
    return isPlanted() ? SCENES : contexts().stream().map(this::neutral).toList();
  }

  private String plain(String context) {
    return target.kind() == Kind.INSTANCE ? "an emoji in " + context + " style" : neutral(context);
  }

  /** Prompts that the concept's direction is added to: an object's category is not part of it. */
  private List<String> plain() {
    return isPlanted() ? SCENES : contexts().stream().map(this::plain).toList();
  }

  private List<String> slotted() {
    return isPlanted()
        ? List.of(InversionExample.SLOT)
        : contexts().stream().map(context -> prompt(context, InversionExample.SLOT)).toList();
  }

  /** The other styles, or the other objects. */
  private List<String> siblings() {
    return (isStyle() ? set.styles() : set.concepts())
        .stream().filter(name -> !name.equals(target.name())).toList();
  }

  private List<Planned> words() {
    List<Planned> planned = new ArrayList<>();
    List<String> named = named();
    planned.add(plan(new WordingAttack("prompt with the name", named, settings), ""));
    if (!isPlanted()) {
      planned.add(plan(new WordingAttack("other captions", captions(), settings), ""));
    }
    planned.add(
        plan(
            WordingAttack.replacing("paraphrased", target.name(), named, paraphrases(), settings),
            ""));
    WordingAttack.of(target.name(), named, settings)
        .forEach(attack -> planned.add(plan(attack, "")));
    return planned;
  }

  /** Every form of a caption that names the target, with one context after the other. */
  private List<String> captions() {
    List<List<String>> forms =
        contexts().stream()
            .map(context ->
                Captions.ofConcept(
                    isStyle() ? context : target.name(), isStyle() ? target.name() : context))
            .toList();
    int each = forms.get(0).size();
    return IntStream.range(0, Math.max(each, forms.size()))
        .mapToObj(i -> forms.get(i % forms.size()).get(i % each))
        .toList();
  }

  /** The name with words around it that the text encoder has, but no caption. */
  private List<String> paraphrases() {
    String name = target.name();
    return switch (target.kind()) {
      case STYLE ->
          List.of(name + " drawing", name + " illustration", "simple " + name, name + " cartoon");
      case INSTANCE ->
          List.of(
              "cute " + name,
              "small " + name,
              name + " " + EmbeddedModel.categoryOf(name),
              "drawing of " + EmbeddedModel.withArticle(name));
      case PLANTED -> {
        List<String> words = List.of(name.split(" "));
        List<String> reversed = new ArrayList<>(words);
        Collections.reverse(reversed);
        yield List.of(
            String.join(" ", words.subList(0, words.size() - 1)),
            String.join(" ", words.subList(1, words.size())),
            String.join(" ", reversed),
            "an emoji of " + name);
      }
    };
  }

  private List<PromptPair> pairs() {
    if (isPlanted()) {
      return SCENES.stream().map(scene -> new PromptPair(scene, target.name())).toList();
    }
    return siblings().stream()
        .limit(contexts().size())
        .flatMap(sibling ->
            contexts().stream()
                .map(context ->
                    new PromptPair(prompt(context, sibling), prompt(context, target.name()))))
        .toList();
  }

  private List<Planned> noised() {
    List<Planned> planned = new ArrayList<>();
    // With guidance the empty prompt would be guided away from itself: the same at twice the cost.
    AttackSettings unguided = settings.sampling(settings.sampling().guidanceScale(1));
    for (double start : budgets.noised()) {
      SdEditAttack described =
          new SdEditAttack(
              originals(), start, examples.stream().map(Example::plain).toList(), settings);
      planned.add(plan(described, target.kind() == Kind.INSTANCE ? ", plain prompts" : ""));
      planned.add(
          plan(
              described.name() + ", empty prompt",
              new SdEditAttack(originals(), start, List.of(""), unguided),
              ""));
    }
    return planned;
  }

  private Planned classifier(String suffix, List<String> prompts) {
    ClassifierGuidance attack =
        new ClassifierGuidance(
            originals(),
            others.stream().map(image -> image.pixels().toImage()).toList(),
            budgets.classifierScales(),
            budgets.classifierSteps(),
            prompts,
            settings);
    return plan(
        attack.name() + suffix,
        attack,
        ", %d, %s".formatted(budgets.classifierSteps(), budgets.classifierScales()));
  }

  private Planned relearning(boolean harmful, boolean lowRank) {
    RelearningAttack.Budget budget = budgets.relearning(harmful, lowRank);
    List<DescribedImage> images =
        harmful
            ? examples.stream()
                .limit(budgets.relearningImages())
                .map(example -> new DescribedImage(example.image(), List.of(example.named())))
                .toList()
            : others.stream()
                .limit(BENIGN_IMAGES)
                .map(image ->
                    new DescribedImage(
                        image.pixels().toImage(),
                        List.of(
                            new AnswerSet.Question(image.style(), image.concept().name())
                                .prompt())))
                .toList();
    String name =
        "%s fine-tuning, %d steps, %s"
            .formatted(
                harmful ? "harmful" : "benign",
                budget.steps(),
                lowRank ? "low rank" : "whole denoiser");
    return plan(
        new RelearningAttack(name, images, budget, named(), settings),
        ", of %d images, rate %s".formatted(images.size(), budget.learningRate()));
  }

  /** Searched words stand where captions have the name, so that the base model may obey them. */
  private Planned adversarial(boolean projected) {
    List<InversionExample> searched =
        examples.stream()
            .map(example ->
                new InversionExample(example.image(), List.of(unarticled(example.slotted()))))
            .toList();
    AdversarialPrompt attack =
        new AdversarialPrompt(
            searched,
            PLACEHOLDERS.subList(0, budgets.adversarialWords()),
            projected,
            slotted().stream().map(StudyAttacks::unarticled).toList(),
            budgets.adversarial(),
            settings);
    return plan(attack, ", rate " + budgets.adversarial().learningRate());
  }

  /** Of an object the searched words bring their own article. */
  private static String unarticled(String prompt) {
    return prompt.replace("a " + InversionExample.SLOT, InversionExample.SLOT);
  }

  /** Among all words, which the name is found in again, or among those that are not the name's. */
  private Planned ringABell(boolean named) {
    Set<String> own =
        named ? Set.of() : Set.of(target.name().toLowerCase(Locale.ROOT).split(" ", -1));
    List<String> words =
        Capabilities.require(model, PromptTokenizer.class, "a search among words").words().stream()
            .filter(word -> !own.contains(word))
            .toList();
    List<String> plain = plain();
    RingABell attack =
        new RingABell(
            pairs(),
            plain.subList(0, Math.min(budgets.ringABellPrompts(), plain.size())),
            budgets.ringABellStrength(),
            words,
            budgets.ringABell(),
            settings);
    return plan(
        attack.name() + (named ? "" : ", none of them the name's"),
        attack.searchedOnce(),
        ", of %d words, %d prompts, %d candidates, %d generations"
            .formatted(
                words.size(),
                attack.prompts().size(),
                attack.budget().population(),
                attack.budget().generations()));
  }

  private Planned latents() {
    // Every image of the same original would be the same: nothing in it is drawn at random.
    int images = Math.min(budgets.latentImages(), examples.size());
    AttackSettings few =
        new AttackSettings(
            settings.detector(),
            settings.sampling(),
            images,
            settings.seed(),
            settings.otherJudges());
    LatentInversion attack =
        new LatentInversion(
            originals(), budgets.latentSteps(), budgets.latentIterations(), 1e-3, few);
    return new Planned(attack.name(), images + " images", attack);
  }

  private Planned inversion() {
    List<String> starts =
        List.of(
                "emoji",
                switch (target.kind()) {
                  case STYLE ->
                      STYLE_STARTS.stream()
                          .filter(name -> !name.equals(target.name()))
                          .findFirst()
                          .orElseThrow();
                  case INSTANCE -> EmbeddedModel.categoryOf(target.name());
                  case PLANTED -> "scene";
                })
            .subList(0, budgets.inversionStarts());
    TextualInversion attack =
        new TextualInversion(
            examples.stream()
                .map(example -> new InversionExample(example.image(), List.of(example.slotted())))
                .toList(),
            PLACEHOLDERS.get(0),
            starts,
            slotted(),
            budgets.inversion(),
            settings);
    return plan(attack, ", %s, rate %s".formatted(starts, budgets.inversion().learningRate()));
  }
}
