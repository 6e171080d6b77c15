package dev.ablation.concept;

import com.google.common.base.Preconditions;
import com.google.errorprone.annotations.CheckReturnValue;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A concept with further names, such as its translations. Each name is as likely in training.
 *
 * @param own the concept under its first name
 * @param aliases the others
 */
@CheckReturnValue
record AliasedConcept(Concept own, List<String> aliases) implements Concept {
  AliasedConcept {
    aliases = aliases.stream().map(String::strip).toList();
    Preconditions.checkArgument(!aliases.isEmpty(), "aliases of %s must not be empty", own);
    Preconditions.checkArgument(
        aliases.stream().noneMatch(String::isEmpty), "aliases of %s must not be blank", own);
    List<String> names =
        Stream.concat(Stream.of(own.name()), aliases.stream())
            .map(name -> name.toLowerCase(Locale.ROOT))
            .toList();
    Preconditions.checkArgument(
        new TreeSet<>(names).size() == names.size(),
        "aliases of %s must differ from its name and from each other, were %s",
        own,
        aliases);
    Preconditions.checkArgument(
        own.named(own.name()).isPresent(),
        "%s can have no aliases, since a name alone does not define a concept of its kind",
        own);
  }

  private List<Concept> all() {
    return Stream.concat(
            Stream.of(own), aliases.stream().map(alias -> own.named(alias).orElseThrow()))
        .toList();
  }

  @Override
  public String name() {
    return own.name();
  }

  @Override
  public ConceptKind kind() {
    return own.kind();
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    List<Concept> all = all();
    return all.get(random.nextInt(all.size())).targetPrompt(anchorPrompt, anchor, random);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return all().stream()
        .flatMap(each -> each.targetPrompts(anchorPrompt, anchor).stream())
        .distinct()
        .toList();
  }

  @Override
  public List<String> anchorPrompts() {
    return own.anchorPrompts();
  }

  @Override
  public List<String> phrases() {
    return all().stream().flatMap(each -> each.phrases().stream()).distinct().toList();
  }

  @Override
  public Map<String, String> settings() {
    Map<String, String> settings = new LinkedHashMap<>(own.settings());
    settings.put("target.aliases", String.join(" | ", aliases));
    return settings;
  }

  @Override
  public Concept withDefaults(StyleTemplates templates) {
    return new AliasedConcept(own.withDefaults(templates), aliases);
  }

  @Override
  public Optional<Concept> named(String other) {
    return own.named(other);
  }

  @Override
  public Concept alsoNamed(String... more) {
    return new AliasedConcept(own, Stream.concat(aliases.stream(), Stream.of(more)).toList());
  }

  @Override
  public String toString() {
    return own
        + aliases.stream()
            .map(alias -> "'" + alias + "'")
            .collect(Collectors.joining(", ", ", also ", ""));
  }
}
