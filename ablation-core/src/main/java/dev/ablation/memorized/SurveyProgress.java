package dev.ablation.memorized;

import java.util.Locale;
import java.util.Objects;

/**
 * Progress of a survey, reported after each prompt.
 *
 * @param latest the most recent copy rate
 * @param fromFolder whether it was read from the survey's folder
 * @param rated number of rated prompts, including the captions
 * @param anchors number of anchor prompts found
 * @param targets number of target prompts found, not including the captions
 */
public record SurveyProgress(
    CopyRate latest, boolean fromFolder, int rated, int anchors, int targets) {

  /** Checks that the latest rate is present. */
  public SurveyProgress {
    Objects.requireNonNull(latest, "latest");
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%d prompts rated, %d anchors and %d targets found; %s",
        rated,
        anchors,
        targets,
        latest);
  }
}
