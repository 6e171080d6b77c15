package dev.ablation.job;

import dev.ablation.job.internal.Described;
import dev.ablation.job.internal.Moved;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of redirection.
 *
 * @param pairs images of target and anchor, each. Default: 96
 * @param kept what stays
 * @param words learned words that training works against
 * @param neutralPrompts captions that name neither target nor anchor. Default: none; the emoji
 *     model has its own
 * @param relearning training against fine-tuning. Default: none
 */
@Moved({"keptImages=kept.images", "keepWeight=kept.weight", "placeholder=words.placeholder"})
public record JobRedirection(
    @Described(value = "Images of target and anchor, each. Default: 96.", positive = true)
        @Nullable Integer pairs,
    @Described("What stays.") @Nullable JobKept kept,
    @Described("Learned words that training works against.") @Nullable JobLearnedWords words,
    @Described(
            "Captions that name neither target nor anchor. Default: none; the emoji model has its own.")
        List<String> neutralPrompts,
    @Described("Training against fine-tuning. Default: none.") @Nullable JobRelearning relearning) {

  /** Copies the list. */
  public JobRedirection {
    neutralPrompts = neutralPrompts == null ? List.of() : List.copyOf(neutralPrompts);
  }
}
