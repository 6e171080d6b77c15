package dev.ablation.train;

import dev.ablation.random.RandomStreams;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Stream;

/**
 * The prompts of the images that redirection draws: image i of target and anchor is one pair.
 *
 * @param target that draw the target
 * @param anchor that draw the anchor
 * @param withWord those of the target, a placeholder in place of its name
 * @param kept that draw what stays
 * @param captions all of what stays, also those that no image is drawn for
 */
record RedirectionPrompts(
    List<String> target,
    List<String> anchor,
    List<String> withWord,
    List<String> kept,
    List<String> captions) {

  RedirectionPrompts {
    target = List.copyOf(target);
    anchor = List.copyOf(anchor);
    withWord = List.copyOf(withWord);
    kept = List.copyOf(kept);
    captions = List.copyOf(captions);
  }

  static RedirectionPrompts of(List<TrainingPair> pairs, Redirection settings, long seed) {
    List<String> target = new ArrayList<>();
    List<String> anchor = new ArrayList<>();
    List<String> withWord = new ArrayList<>();
    RandomGenerator random = RandomStreams.stream(seed, "redirection prompts", 0);
    for (int i = 0; i < Math.max(settings.pairs(), pairs.size()); i++) {
      TrainingPair pair = pairs.get(i % pairs.size());
      List<String> anchors = shuffled(pair.anchorPrompts(), seed, "anchors", i % pairs.size());
      String from = anchors.get(i / pairs.size() % anchors.size());
      List<String> targets = Objects.requireNonNull(pair.prompts().get(from), from);
      String to = targets.get(random.nextInt(targets.size()));
      anchor.add(from);
      target.add(to);
      withWord.add(renamed(to, pair.target().phrases(), settings.placeholder()));
    }
    Set<String> stays = new LinkedHashSet<>(settings.keptPrompts());
    pairs.forEach(pair -> stays.addAll(pair.preservedPrompts()));
    if (stays.isEmpty()) {
      pairs.forEach(pair -> stays.addAll(pair.anchorPrompts()));
    }
    List<String> order = shuffled(List.copyOf(stays), seed, "kept", 0);
    List<String> kept = new ArrayList<>();
    for (int i = 0; i < settings.keptImages(); i++) {
      kept.add(order.get(i % order.size()));
    }
    return new RedirectionPrompts(target, anchor, withWord, kept, order);
  }

  private static List<String> shuffled(List<String> prompts, long seed, String what, int index) {
    List<String> order = new ArrayList<>(prompts);
    Collections.shuffle(
        order, new Random(RandomStreams.seed(seed, "redirection order of " + what, index)));
    return order;
  }

  /** The longest of the phrases that a prompt has becomes the word; without one it goes first. */
  static String renamed(String prompt, List<String> phrases, String word) {
    String lower = prompt.toLowerCase(Locale.ROOT);
    String found = "";
    for (String phrase : phrases) {
      if (phrase.length() > found.length() && lower.contains(phrase.toLowerCase(Locale.ROOT))) {
        found = phrase;
      }
    }
    if (found.isEmpty()) {
      return word + " " + prompt;
    }
    int at = lower.indexOf(found.toLowerCase(Locale.ROOT));
    return prompt.substring(0, at) + word + prompt.substring(at + found.length());
  }

  /** Texts in words that the model knows. */
  List<String> known() {
    return Stream.concat(anchor.stream(), kept.stream())
        .filter(prompt -> !prompt.isBlank())
        .distinct()
        .toList();
  }
}
