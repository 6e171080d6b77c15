package dev.ablation.run;

import dev.ablation.concept.Concept;
import dev.ablation.model.Capabilities;
import dev.ablation.model.DiffusionModel;
import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.WeightInfo;
import dev.ablation.model.WeightRole;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Of a table of token embeddings only the rows of the targets' own tokens are trained. */
final class TrainedRows {
  private TrainedRows() {}

  static Map<String, Set<Integer>> of(
      DiffusionModel model, List<Concept> targets, List<WeightInfo> chosen) {
    Map<String, Set<Integer>> rows = new TreeMap<>();
    for (WeightInfo info : chosen) {
      if (info.role() == WeightRole.TOKEN_EMBEDDING) {
        PromptTokenizer tokenizer =
            Capabilities.require(model, PromptTokenizer.class, "training token embeddings");
        Set<Integer> ids = new TreeSet<>();
        for (Concept target : targets) {
          for (String phrase : target.phrases()) {
            ids.addAll(tokenizer.tokens(phrase, info.component()).ids());
          }
        }
        rows.put(info.name(), ids);
      }
    }
    return rows;
  }
}
