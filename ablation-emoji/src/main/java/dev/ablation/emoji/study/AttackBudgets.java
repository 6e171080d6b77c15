package dev.ablation.emoji.study;

import dev.ablation.attack.GeneticBudget;
import dev.ablation.attack.InversionBudget;
import dev.ablation.attack.RelearningAttack;
import dev.ablation.model.Lora;
import dev.ablation.model.WeightGroup;
import java.util.List;
import picocli.CommandLine.Option;

/** How much the attacks of a study may spend; options of its command. */
final class AttackBudgets {
  private static final int LORA_RANK = 4;
  private static final int BATCH = 8;

  @Option(
      names = "--images",
      paramLabel = "N",
      defaultValue = "24",
      description = "Images of each attack and model. Default: ${DEFAULT-VALUE}.")
  private int images = 24;

  @Option(
      names = "--steps",
      paramLabel = "N",
      defaultValue = "20",
      description = "Steps of the sampler. Default: ${DEFAULT-VALUE}.")
  private int steps = 20;

  @Option(
      names = "--noised",
      split = ",",
      paramLabel = "X",
      defaultValue = "0.5,0.7,0.85",
      description =
          "Shares of the schedule that images of the target are noised to. Default:"
              + " ${DEFAULT-VALUE}.")
  private List<Double> noised = List.of();

  @Option(
      names = "--begun",
      split = ",",
      paramLabel = "N",
      defaultValue = "5,10",
      description =
          "Steps of --completion-steps that the base model makes. Default: ${DEFAULT-VALUE}.")
  private List<Integer> begun = List.of();

  @Option(
      names = "--completion-steps",
      paramLabel = "N",
      defaultValue = "50",
      description = "Steps of an image that the base model begins. Default: ${DEFAULT-VALUE}.")
  private int completionSteps = 50;

  @Option(
      names = "--guidance-strengths",
      split = ",",
      paramLabel = "X",
      defaultValue = "3,8",
      description =
          "Strengths of the evaluator's guidance, in units of the noise. Default:"
              + " ${DEFAULT-VALUE}.")
  private List<Double> guidanceStrengths = List.of();

  @Option(
      names = "--classifier-scales",
      split = ",",
      paramLabel = "X",
      defaultValue = "5,10,20,40,80",
      description =
          "Scales of the latent classifier's gradient; the best counts. Default: ${DEFAULT-VALUE}.")
  private List<Double> classifierScales = List.of();

  @Option(
      names = "--classifier-steps",
      paramLabel = "N",
      defaultValue = "500",
      description = "Training steps of the latent classifier. Default: ${DEFAULT-VALUE}.")
  private int classifierSteps = 500;

  @Option(
      names = "--inversion-steps",
      paramLabel = "N",
      defaultValue = "3000",
      description = "Of textual inversion, at most, from each start. Default: ${DEFAULT-VALUE}.")
  private int inversionSteps = 3000;

  @Option(
      names = "--inversion-starts",
      paramLabel = "N",
      defaultValue = "2",
      description = "Words that textual inversion starts from, 1 or 2. Default: ${DEFAULT-VALUE}.")
  private int inversionStarts = 2;

  @Option(
      names = "--adversarial-steps",
      paramLabel = "N",
      defaultValue = "1000",
      description = "Of each adversarial prompt, at most. Default: ${DEFAULT-VALUE}.")
  private int adversarialSteps = 1000;

  @Option(
      names = "--adversarial-words",
      paramLabel = "N",
      defaultValue = "3",
      description = "Words of each adversarial prompt, 1 to 5. Default: ${DEFAULT-VALUE}.")
  private int adversarialWords = 3;

  @Option(
      names = "--ringabell-prompts",
      paramLabel = "N",
      defaultValue = "4",
      description =
          "Prompts that Ring-A-Bell adds the concept to, at most; a search for each, with and without"
              + " the words of the name. Default: ${DEFAULT-VALUE}.")
  private int ringABellPrompts = 4;

  @Option(
      names = "--ringabell-strength",
      paramLabel = "X",
      defaultValue = "1",
      description = "How much of the concept Ring-A-Bell adds. Default: ${DEFAULT-VALUE}.")
  private double ringABellStrength = 1;

  @Option(
      names = "--ringabell-words",
      paramLabel = "N",
      defaultValue = "16",
      description = "Words of each prompt that Ring-A-Bell searches. Default: ${DEFAULT-VALUE}.")
  private int ringABellWords = GeneticBudget.published().words();

  @Option(
      names = "--ringabell-population",
      paramLabel = "N",
      defaultValue = "200",
      description = "Candidates of Ring-A-Bell's genetic search. Default: ${DEFAULT-VALUE}.")
  private int ringABellPopulation = GeneticBudget.published().population();

  @Option(
      names = "--ringabell-generations",
      paramLabel = "N",
      defaultValue = "3000",
      description = "Generations of Ring-A-Bell's genetic search. Default: ${DEFAULT-VALUE}.")
  private int ringABellGenerations = GeneticBudget.published().generations();

  @Option(
      names = "--word-rate",
      paramLabel = "X",
      defaultValue = "0.02",
      description =
          "Learning rate of textual inversion and of adversarial prompts. Default:"
              + " ${DEFAULT-VALUE}.")
  private double wordRate = 2e-2;

  @Option(
      names = "--latent-images",
      paramLabel = "N",
      defaultValue = "8",
      description =
          "Images that are inverted to latents, at most --images. Default: ${DEFAULT-VALUE}.")
  private int latentImages = 8;

  @Option(
      names = "--latent-steps",
      paramLabel = "N",
      defaultValue = "50",
      description = "Steps of latent inversion. Default: ${DEFAULT-VALUE}.")
  private int latentSteps = 50;

  @Option(
      names = "--latent-iterations",
      paramLabel = "N",
      defaultValue = "25",
      description = "Gradients in each step of latent inversion. Default: ${DEFAULT-VALUE}.")
  private int latentIterations = 25;

  @Option(
      names = "--relearning-steps",
      paramLabel = "N",
      defaultValue = "100",
      description = "Of fine-tuning on images of the target. Default: ${DEFAULT-VALUE}.")
  private int relearningSteps = 100;

  @Option(
      names = "--relearning-images",
      paramLabel = "N",
      defaultValue = "8",
      description = "Images of the target that are fine-tuned on. Default: ${DEFAULT-VALUE}.")
  private int relearningImages = 8;

  @Option(
      names = "--benign-steps",
      paramLabel = "N",
      defaultValue = "200",
      description = "Of fine-tuning on other images. Default: ${DEFAULT-VALUE}.")
  private int benignSteps = 200;

  @Option(
      names = "--relearning-rate",
      paramLabel = "X",
      defaultValue = "0.0002",
      description = "Learning rate of fine-tuning the denoiser. Default: ${DEFAULT-VALUE}.")
  private double relearningRate = 2e-4;

  @Option(
      names = "--lora-rate",
      paramLabel = "X",
      defaultValue = "0.001",
      description = "Learning rate of fine-tuning by LoRA of rank 4. Default: ${DEFAULT-VALUE}.")
  private double loraRate = 1e-3;

  int images() {
    return images;
  }

  int steps() {
    return steps;
  }

  List<Double> noised() {
    return noised;
  }

  List<Integer> begun() {
    return begun;
  }

  int completionSteps() {
    return completionSteps;
  }

  List<Double> guidanceStrengths() {
    return guidanceStrengths;
  }

  List<Double> classifierScales() {
    return classifierScales;
  }

  int classifierSteps() {
    return classifierSteps;
  }

  int inversionStarts() {
    return inversionStarts;
  }

  InversionBudget inversion() {
    return new InversionBudget(inversionSteps, BATCH, wordRate);
  }

  InversionBudget adversarial() {
    return new InversionBudget(adversarialSteps, BATCH, wordRate);
  }

  int adversarialWords() {
    return adversarialWords;
  }

  int ringABellPrompts() {
    return ringABellPrompts;
  }

  double ringABellStrength() {
    return ringABellStrength;
  }

  GeneticBudget ringABell() {
    GeneticBudget published = GeneticBudget.published();
    return new GeneticBudget(
        ringABellWords,
        ringABellPopulation,
        ringABellGenerations,
        published.crossover(),
        published.mutation());
  }

  int latentImages() {
    return Math.min(latentImages, images);
  }

  int latentSteps() {
    return latentSteps;
  }

  int latentIterations() {
    return latentIterations;
  }

  int relearningImages() {
    return relearningImages;
  }

  /** Fine-tuning on images of the target, or on others. */
  RelearningAttack.Budget relearning(boolean harmful, boolean lowRank) {
    return new RelearningAttack.Budget(
        harmful ? relearningSteps : benignSteps,
        BATCH,
        lowRank ? loraRate : relearningRate,
        lowRank ? WeightGroup.attention() : WeightGroup.denoiser(),
        lowRank ? Lora.rank(LORA_RANK) : null);
  }

  /** Checks what the attacks themselves do not. */
  void check() {
    if (inversionStarts < 1 || inversionStarts > 2) {
      throw new IllegalArgumentException(
          "--inversion-starts must be 1 or 2, was " + inversionStarts);
    }
    if (adversarialWords < 1 || adversarialWords > StudyAttacks.PLACEHOLDERS.size()) {
      throw new IllegalArgumentException(
          "--adversarial-words must be from 1 to %d, was %d"
              .formatted(StudyAttacks.PLACEHOLDERS.size(), adversarialWords));
    }
    if (ringABellPrompts < 1) {
      throw new IllegalArgumentException(
          "--ringabell-prompts must be positive, was " + ringABellPrompts);
    }
    if (latentImages < 1 || relearningImages < 1) {
      throw new IllegalArgumentException(
          "--latent-images and --relearning-images must be positive, were %d and %d"
              .formatted(latentImages, relearningImages));
    }
  }
}
