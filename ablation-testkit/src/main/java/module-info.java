/**
 * The contract of a diffusion model as JUnit tests, for writers of adapters. Start at {@link
 * dev.ablation.testkit.DiffusionModelContract}.
 */
module dev.ablation.testkit {
  requires transitive dev.ablation.core;
  requires transitive org.assertj.core;
  requires transitive org.junit.jupiter.api;

  exports dev.ablation.testkit;

  // JUnit calls the tests by reflection.
  opens dev.ablation.testkit to
      org.junit.platform.commons;
}
