package dev.ablation.anchor;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import dev.ablation.anchor.AnchorJudgement.OfPrompt;
import dev.ablation.augment.Augmentation;
import dev.ablation.concept.Concept;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.LatentCodec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CancellationException;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Anchors with a judge, from {@link AnchorStrategy#judgedBy}. By default it examines a sample of
 * the images, and the run warns if too many show the target. It can also drop the prompts that lead
 * to the target, or images that show it. Immutable: every setter returns a copy.
 *
 * <p>With the model-based objective the prompts matter: the teacher's prediction for an anchor
 * prompt can lead to the target even from an image of something else. With the noise-based
 * objective the images matter.
 *
 * <p>Every second image of each prompt, starting with the first, decides which prompts lead to the
 * target. The other images measure how often the remaining prompts show it; on the images used for
 * the selection, the estimate would be biased.
 */
@CheckReturnValue
public final class JudgedAnchors implements AnchorStrategy {
  private static final int PROMPTS_IN_A_WARNING = 3;

  /** What is dropped. */
  public enum Dropping {
    /** Nothing. */
    NOTHING,
    /** Prompts that lead to the target, with all of their images. */
    PROMPTS,
    /** Images that show the target. */
    IMAGES
  }

  /** Numbers of the judgement. */
  private record Rules(
      int sampleSize, double warnAbove, Dropping dropping, double leadsAbove, int atLeast) {
    Rules {
      Preconditions.checkArgument(
          sampleSize > 0, "sampleSize must be positive, was %s", sampleSize);
      Preconditions.checkArgument(
          warnAbove >= 0 && warnAbove <= 1, "warnAbove must be from 0 to 1, was %s", warnAbove);
      Preconditions.checkArgument(
          leadsAbove >= 0 && leadsAbove <= 1, "leadsAbove must be from 0 to 1, was %s", leadsAbove);
      Preconditions.checkArgument(atLeast > 0, "atLeast must be positive, was %s", atLeast);
    }
  }

  private final AnchorStrategy anchor;
  private final AnchorJudge judge;
  private final Rules rules;
  private final @Nullable AnchorStrategy spare;

  private JudgedAnchors(
      AnchorStrategy anchor, AnchorJudge judge, Rules rules, @Nullable AnchorStrategy spare) {
    this.anchor = Objects.requireNonNull(anchor, "anchor");
    this.judge = Objects.requireNonNull(judge, "judge");
    this.rules = rules;
    this.spare = spare;
  }

  static JudgedAnchors of(AnchorStrategy anchor, AnchorJudge judge) {
    return new JudgedAnchors(anchor, judge, new Rules(64, 0.05, Dropping.NOTHING, 0, 1), null);
  }

  private JudgedAnchors with(Rules changed) {
    return new JudgedAnchors(anchor, judge, changed, spare);
  }

  private JudgedAnchors with(UnaryOperator<AnchorStrategy> change) {
    return new JudgedAnchors(
        change.apply(anchor), judge, rules, spare == null ? null : change.apply(spare));
  }

  /**
   * Changes how many images are judged.
   *
   * @param sampleSize positive
   * @return a copy with the given sample size
   */
  public JudgedAnchors sampleSize(int sampleSize) {
    return with(
        new Rules(sampleSize, rules.warnAbove, rules.dropping, rules.leadsAbove, rules.atLeast));
  }

  /**
   * Changes when the run warns.
   *
   * @param share 0 to 1
   * @return a copy with the given share
   */
  public JudgedAnchors warnAbove(double share) {
    return with(
        new Rules(rules.sampleSize, share, rules.dropping, rules.leadsAbove, rules.atLeast));
  }

  /**
   * Drops every prompt of which a judged image shows the target.
   *
   * @return the changed copy
   */
  public JudgedAnchors dropLeading() {
    return dropLeading(0);
  }

  /**
   * Drops prompts that lead to the target.
   *
   * @param above a prompt leads there if a larger share of its images shows the target, 0 to 1
   * @return a copy with the given threshold
   */
  public JudgedAnchors dropLeading(double above) {
    return with(
        new Rules(rules.sampleSize, rules.warnAbove, Dropping.PROMPTS, above, rules.atLeast));
  }

  /**
   * Drops images that show the target, and keeps their prompts.
   *
   * @return the changed copy
   */
  public JudgedAnchors dropImages() {
    return with(
        new Rules(
            rules.sampleSize, rules.warnAbove, Dropping.IMAGES, rules.leadsAbove, rules.atLeast));
  }

  /**
   * Replaces dropped images by images of other prompts. They are judged in the same way; if there
   * are not enough, the run continues with fewer images and warns.
   *
   * @param more strategy whose images are drawn only if some are dropped
   * @return a copy with this setting
   */
  public JudgedAnchors replacedFrom(AnchorStrategy more) {
    Objects.requireNonNull(more, "more");
    return new JudgedAnchors(anchor, judge, rules, more);
  }

  /**
   * Changes how many images must remain.
   *
   * @param images positive
   * @return a copy with the given images
   */
  public JudgedAnchors atLeast(int images) {
    return with(
        new Rules(rules.sampleSize, rules.warnAbove, rules.dropping, rules.leadsAbove, images));
  }

  @Override
  public String name() {
    return anchor.name();
  }

  @Override
  public JudgedAnchors withDefaults(Concept target, AnchorDefaults defaults) {
    return with(each -> each.withDefaults(target, defaults));
  }

  @Override
  public JudgedAnchors compatibleWith(DiffusionModel model, Concept target) {
    return with(each -> each.compatibleWith(model, target));
  }

  @Override
  public List<String> prompts(Concept target) {
    List<String> prompts = new ArrayList<>(anchor.prompts(target));
    if (spare != null) {
      prompts.addAll(spare.prompts(target));
    }
    return prompts.stream().distinct().toList();
  }

  @Override
  public String targetPrompt(Concept target, String anchorPrompt, RandomGenerator random) {
    return of(target, anchorPrompt).targetPrompt(target, anchorPrompt, random);
  }

  @Override
  public List<String> targetPrompts(Concept target, String anchorPrompt) {
    return of(target, anchorPrompt).targetPrompts(target, anchorPrompt);
  }

  /** The strategy that a prompt belongs to. */
  private AnchorStrategy of(Concept target, String anchorPrompt) {
    return spare == null || anchor.prompts(target).contains(anchorPrompt) ? anchor : spare;
  }

  /** Spare images are not counted, since it is not known whether they are drawn. */
  @Override
  public AnchorCost cost(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return anchor.cost(model, target, context);
  }

  @Override
  public int images() {
    return anchor.images();
  }

  @Override
  public Optional<Augmentation> augmentation() {
    return anchor.augmentation();
  }

  @Override
  public AnchorStrategy sample(Concept target, int images) {
    return anchor.sample(target, images);
  }

  @Override
  public Map<String, String> settings(Concept target) {
    Map<String, String> settings = new TreeMap<>(anchor.settings(target));
    settings.put("anchor.judge", judge.name());
    settings.put("anchor.judge.dropping", rules.dropping.name());
    if (rules.dropping == Dropping.NOTHING) {
      settings.put("anchor.judge.sampleSize", Integer.toString(rules.sampleSize));
    } else {
      settings.put("anchor.judge.atLeast", Integer.toString(rules.atLeast));
    }
    if (rules.dropping == Dropping.PROMPTS) {
      settings.put("anchor.judge.leadsAbove", Double.toString(rules.leadsAbove));
    }
    if (spare != null) {
      spare
          .settings(target)
          .forEach((name, value) ->
              settings.put(name.replaceFirst("^anchor\\.", "anchor.spare."), value));
    }
    return settings;
  }

  @Override
  public Optional<AnchorJudgement> judgement(
      DiffusionModel model, Concept target, AnchorContext context) throws IOException {
    try (AnchorSet few = anchor.sample(target, rules.sampleSize).prepare(model, target, context)) {
      Looks looks = new Looks(few, AugmentedSource.codec(model), context);
      return Optional.of(looks.judgement(spreadRows(few.size())));
    }
  }

  private interface Preparing {
    AnchorSet of(AnchorStrategy strategy) throws IOException;
  }

  @Override
  public AnchorSet prepare(DiffusionModel model, Concept target, AnchorContext context)
      throws IOException {
    return judged(strategy -> strategy.prepare(model, target, context), model, context);
  }

  @Override
  public AnchorSet prepare(
      DiffusionModel model, Concept target, AnchorContext context, Augmentation augmentation)
      throws IOException {
    return judged(
        strategy -> strategy.prepare(model, target, context, augmentation), model, context);
  }

  private AnchorSet judged(Preparing preparing, DiffusionModel model, AnchorContext context)
      throws IOException {
    LatentCodec codec = AugmentedSource.codec(model);
    AnchorSet set = preparing.of(anchor);
    try {
      return rules.dropping == Dropping.NOTHING
          ? looked(set, codec, context)
          : sifted(set, preparing, codec, context);
    } catch (IOException | RuntimeException e) {
      set.close();
      throw e;
    }
  }

  private AnchorSet looked(AnchorSet set, LatentCodec codec, AnchorContext context) {
    AnchorJudgement seen = new Looks(set, codec, context).judgement(spreadRows(set.size()));
    note(seen, "anchor.showsTarget", context);
    warn(seen, context);
    return set;
  }

  private AnchorSet sifted(
      AnchorSet set, Preparing preparing, LatentCodec codec, AnchorContext context)
      throws IOException {
    Sifted first = sift(set, codec, context);
    note(first.before(), "anchor.showsTarget", context);
    int missing = set.size() - first.kept().length;
    context.note("anchor.dropped", Integer.toString(missing));
    if (spare == null || missing == 0) {
      check(first.kept().length, first.before());
      report(first.after(), context);
      return set.select(first.kept());
    }
    AnchorSet more = preparing.of(spare);
    try {
      Sifted second = sift(more, codec, context);
      int[] added = IntStream.of(second.kept()).limit(missing).toArray();
      check(first.kept().length + added.length, first.before());
      if (added.length < missing) {
        context.warn(
            "%d of %d anchor images were dropped, but only %d spare images are usable; training uses %d"
                .formatted(missing, set.size(), added.length, first.kept().length + added.length));
      }
      context.note("anchor.replaced", Integer.toString(added.length));
      List<OfPrompt> after = new ArrayList<>(first.after().prompts());
      after.addAll(second.after().prompts());
      report(new AnchorJudgement(judge.name(), after), context);
      if (added.length == 0) {
        more.close();
        return set.select(first.kept());
      }
      if (first.kept().length == 0) {
        set.close();
        return more.select(added);
      }
      return set.select(first.kept()).join(more.select(added));
    } catch (RuntimeException e) {
      more.close();
      throw e;
    }
  }

  private void check(int left, AnchorJudgement judgement) {
    if (left < rules.atLeast) {
      throw new TooFewAnchorsException(name(), left, rules.atLeast, judgement);
    }
  }

  private void report(AnchorJudgement after, AnchorContext context) {
    if (rules.dropping == Dropping.PROMPTS && after.judged() > 0) {
      note(after, "anchor.showsTarget.afterDropping", context);
      warn(after, context);
    }
  }

  private static void note(AnchorJudgement seen, String name, AnchorContext context) {
    context.note(name, String.format(Locale.ROOT, "%.4f", seen.share()));
    context.note(name + ".judged", Integer.toString(seen.judged()));
  }

  private void warn(AnchorJudgement seen, AnchorContext context) {
    if (seen.share() > rules.warnAbove) {
      List<String> most =
          seen.leading(0).stream()
              .limit(PROMPTS_IN_A_WARNING)
              .map(prompt -> "'" + prompt.prompt() + "'")
              .toList();
      context.warn(
          "anchor '%s' leads to the target: according to judge '%s', %s; target prompts learn to behave like anchor prompts, so training cannot bring the target below this share; the worst prompts are %s"
              .formatted(name(), judge.name(), seen, String.join(", ", most)));
    }
  }

  /** What remains of a set, the judgement of the whole set, and of what remains. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Sifted(int[] kept, AnchorJudgement before, AnchorJudgement after) {}

  private Sifted sift(AnchorSet set, LatentCodec codec, AnchorContext context) {
    Looks looks = new Looks(set, codec, context);
    int[] all = IntStream.range(0, set.size()).toArray();
    AnchorJudgement before = looks.judgement(all);
    if (rules.dropping == Dropping.IMAGES) {
      int[] kept = IntStream.of(all).filter(row -> !looks.showsTarget(row)).toArray();
      return new Sifted(kept, before, looks.judgement(kept));
    }
    List<Integer> choosing = new ArrayList<>();
    List<Integer> measuring = new ArrayList<>();
    Map<String, Integer> count = new LinkedHashMap<>();
    for (int row : all) {
      int number = count.merge(set.prompts().get(row), 1, Integer::sum);
      (number % 2 == 1 ? choosing : measuring).add(row);
    }
    Set<String> dropped = new HashSet<>();
    looks
        .judgement(choosing.stream().mapToInt(row -> row).toArray())
        .leading(rules.leadsAbove)
        .forEach(prompt -> dropped.add(prompt.prompt()));
    int[] kept =
        IntStream.of(all).filter(row -> !dropped.contains(set.prompts().get(row))).toArray();
    int[] measured =
        measuring.stream()
            .mapToInt(row -> row)
            .filter(row -> !dropped.contains(set.prompts().get(row)))
            .toArray();
    return new Sifted(kept, before, looks.judgement(measured));
  }

  private int[] spreadRows(int size) {
    List<Integer> rows = IntStream.range(0, size).boxed().toList();
    return EvenSubset.over(rows, Math.min(rules.sampleSize, size)).stream()
        .mapToInt(row -> row)
        .toArray();
  }

  /** Judges each image once. */
  private final class Looks {
    private final AnchorSet set;
    private final LatentCodec codec;
    private final AnchorContext context;
    private final Map<Integer, Boolean> seen = new LinkedHashMap<>();

    Looks(AnchorSet set, LatentCodec codec, AnchorContext context) {
      this.set = set;
      this.codec = codec;
      this.context = context;
    }

    boolean showsTarget(int row) {
      return seen.computeIfAbsent(row, this::look);
    }

    private boolean look(int row) {
      if (context.cancelled()) {
        throw new CancellationException("judging the anchor images was cancelled");
      }
      return judge.showsTarget(set.image(row, codec), set.prompts().get(row));
    }

    AnchorJudgement judgement(int[] rows) {
      Map<String, int[]> counts = new LinkedHashMap<>();
      for (int row : rows) {
        int[] count = counts.computeIfAbsent(set.prompts().get(row), prompt -> new int[2]);
        count[0]++;
        count[1] += showsTarget(row) ? 1 : 0;
      }
      List<OfPrompt> prompts = new ArrayList<>();
      counts.forEach((prompt, count) -> prompts.add(new OfPrompt(prompt, count[0], count[1])));
      return new AnchorJudgement(judge.name(), prompts);
    }
  }
}
