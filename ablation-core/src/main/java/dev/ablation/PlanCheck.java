package dev.ablation;

import dev.ablation.event.AblationEvent;
import dev.ablation.model.Capabilities;
import dev.ablation.model.Differentiable;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.PromptTokenizer.Tokens;
import dev.ablation.model.WeightInfo;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/** Finds everything that is wrong with a plan before any long work starts. */
final class PlanCheck {
  private final Plan plan;
  private final List<String> problems = new ArrayList<>();

  PlanCheck(Plan plan) {
    this.plan = plan;
  }

  /**
   * Checks the plan.
   *
   * @param events told of warnings
   * @return the weights to train
   */
  List<WeightInfo> check(Listeners events) {
    Capabilities.require(plan.model(), Differentiable.class, "training");
    List<WeightInfo> chosen = List.of();
    try {
      chosen = plan.weights().select(plan.model().weights());
      problems.addAll(plan.trainer().problems(plan.model(), chosen));
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
    }
    List<String> prompts = plan.anchor().prompts(plan.target());
    if (prompts.isEmpty()) {
      problems.add("anchor prompts must not be empty");
    }
    for (String prompt : new LinkedHashSet<>(prompts)) {
      checkPair(prompt, events);
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          problems.size() == 1
              ? problems.get(0)
              : "%d things are wrong with the plan:%n  %s"
                  .formatted(
                      problems.size(), String.join(System.lineSeparator() + "  ", problems)));
    }
    return chosen;
  }

  private void checkPair(String anchorPrompt, Listeners events) {
    List<String> targetPrompts;
    try {
      targetPrompts = plan.anchor().targetPrompts(plan.target(), anchorPrompt);
    } catch (IllegalArgumentException e) {
      problems.add(String.valueOf(e.getMessage()));
      return;
    }
    Optional<PromptTokenizer> tokenizer = plan.model().capability(PromptTokenizer.class);
    if (tokenizer.isEmpty()) {
      return;
    }
    Tokens anchorTokens = tokenizer.get().tokens(anchorPrompt);
    warnIfCut("anchor", anchorPrompt, anchorTokens, events);
    for (String targetPrompt : targetPrompts) {
      Tokens targetTokens = tokenizer.get().tokens(targetPrompt);
      warnIfCut("target", targetPrompt, targetTokens, events);
      if (targetTokens.ids().equals(anchorTokens.ids())) {
        problems.add(
            "target prompt '%s' must differ from anchor prompt '%s', but the model reads the same tokens"
                .formatted(targetPrompt, anchorPrompt));
      }
    }
  }

  private static void warnIfCut(String kind, String prompt, Tokens tokens, Listeners events) {
    if (tokens.truncated()) {
      events.on(
          new AblationEvent.Warning(
              "%s prompt '%s' is longer than the model's context; it does not read '%s'"
                  .formatted(kind, prompt, tokens.cut())));
    }
  }
}
