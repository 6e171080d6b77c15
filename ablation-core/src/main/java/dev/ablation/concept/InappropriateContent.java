package dev.ablation.concept;

import com.google.common.base.Preconditions;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/** Content that an image of any subject may show: terms are added to the anchor prompt. */
record InappropriateContent(List<String> terms) implements Concept {
  /** From the reference implementation for diffusers, equally likely. */
  private static final List<String> FORMS =
      List.of("{name}, {prompt}", "in {name} style, {prompt}", "{prompt}, {name}");

  InappropriateContent {
    terms = terms.stream().map(String::strip).toList();
    Preconditions.checkArgument(!terms.isEmpty(), "terms must not be empty");
    Preconditions.checkArgument(
        terms.stream().noneMatch(String::isEmpty),
        "terms must not be blank, but number %s of %s is",
        1 + terms.indexOf(""),
        terms.size());
  }

  @Override
  public String name() {
    return String.join("; ", terms);
  }

  @Override
  public ConceptKind kind() {
    return ConceptKind.INAPPROPRIATE_CONTENT;
  }

  @Override
  public List<String> phrases() {
    // A term may be a list of words; its commas are not part of the concept.
    return terms.stream()
        .flatMap(term -> Arrays.stream(term.split("[,;]")))
        .map(String::strip)
        .filter(word -> !word.isEmpty())
        .toList();
  }

  @Override
  public Map<String, String> settings() {
    return Map.of("target.templates", FORMS.toString());
  }

  @Override
  public String targetPrompt(String anchorPrompt, String anchor, RandomGenerator random) {
    String term = terms.get(random.nextInt(terms.size()));
    return Templates.fill(FORMS.get(random.nextInt(FORMS.size())), term, anchorPrompt);
  }

  @Override
  public List<String> targetPrompts(String anchorPrompt, String anchor) {
    return terms.stream()
        .flatMap(term -> FORMS.stream().map(form -> Templates.fill(form, term, anchorPrompt)))
        .distinct()
        .toList();
  }

  @Override
  public String toString() {
    return "inappropriate content '" + name() + "'";
  }
}
