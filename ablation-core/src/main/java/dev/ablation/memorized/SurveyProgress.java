package dev.ablation.memorized;

import java.util.Locale;
import java.util.Objects;

/**
 * How far a survey is, told after each prompt.
 *
 * @param latest copy rate that was found last
 * @param fromFolder whether it was found in the survey's folder, so that nothing was drawn
 * @param rated how many prompts are rated, the captions among them
 * @param anchors how many anchor prompts are found
 * @param targets how many target prompts are found, the captions not among them
 */
public record SurveyProgress(
    CopyRate latest, boolean fromFolder, int rated, int anchors, int targets) {

  /** Checks that there is a rate. */
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
