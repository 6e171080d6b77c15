package dev.ablation.concept;

import com.google.common.base.Preconditions;
import com.google.common.hash.Hashing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * A concept defined by prompt pairs, for targets that no template describes. It has its own anchor
 * prompts.
 *
 * {@snippet class="dev.ablation.Snippets" region="prompt-pairs"}
 *
 * @param name name for logs and provenance
 * @param pairs the pairs, at least one; an anchor prompt that occurs in several pairs has several
 *     target prompts, and each use takes one at random
 */
public record PromptPairs(String name, List<PromptPair> pairs) implements Concept {

  /** Checks that there are a name and at least one pair. */
  public PromptPairs {
    Preconditions.checkArgument(!name.isBlank(), "name of prompt pairs must not be blank");
    Preconditions.checkArgument(!pairs.isEmpty(), "pairs must not be empty");
    name = name.strip();
    pairs = List.copyOf(pairs);
  }

  /**
   * Reads prompt pairs from a UTF-8 text file, one pair a line; blank lines are skipped. In a
   * {@code .tsv} file each line is an anchor prompt, a tab and a target prompt; a header line
   * {@code anchor<tab>target} is optional. In a {@code .jsonl} file each line is an object <code>
   * {"anchor": "...", "target": "..."}</code>.
   *
   * @param name name for logs and provenance
   * @param file a file whose name ends with {@code .tsv} or {@code .jsonl}
   * @return the concept
   * @throws IOException if the file cannot be read or a line is malformed; the message names the
   *     file and the line
   */
  public static PromptPairs read(String name, Path file) throws IOException {
    return new PromptPairs(name, PromptPairFile.read(file));
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.PROMPT_PAIRS;
  }

  @Override
  public List<String> anchorPrompts() {
    return pairs.stream().map(PromptPair::anchor).distinct().toList();
  }

  /** {@return the words that occur in target prompts but in no anchor prompt} */
  @Override
  public List<String> phrases() {
    Set<String> common =
        pairs.stream()
            .flatMap(pair -> words(pair.anchor()).stream())
            .map(word -> word.toLowerCase(Locale.ROOT))
            .collect(Collectors.toSet());
    return pairs.stream()
        .flatMap(pair -> words(pair.target()).stream())
        .filter(word -> !common.contains(word.toLowerCase(Locale.ROOT)))
        .distinct()
        .toList();
  }

  private static List<String> words(String prompt) {
    return Arrays.stream(prompt.split("[^\\p{L}\\p{M}\\p{N}]+"))
        .filter(word -> !word.isEmpty())
        .toList();
  }

  @Override
  public Map<String, String> settings() {
    String text =
        pairs.stream()
            .map(pair -> pair.anchor() + "\t" + pair.target())
            .collect(Collectors.joining("\n"));
    return Map.of(
        "target.pairs",
        Integer.toString(pairs.size()),
        "target.pairs.sha256",
        Hashing.sha256().hashString(text, StandardCharsets.UTF_8).toString());
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    List<String> targets = targetPrompts(anchorPrompt, anchor);
    return targets.get(random.nextInt(targets.size()));
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    List<String> targets =
        pairs.stream()
            .filter(pair -> pair.anchor().equals(anchorPrompt.strip()))
            .map(PromptPair::target)
            .distinct()
            .toList();
    Preconditions.checkArgument(
        !targets.isEmpty(), "no pair of '%s' has the anchor prompt '%s'", name, anchorPrompt);
    return targets;
  }

  @Override
  public String toString() {
    return "prompt pairs '" + name + "'";
  }
}
