package dev.ablation.job;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class HubLocationTest {
  @ParameterizedTest
  @CsvSource({
    "owner/name@main,owner/name,,main",
    "owner/name@refs/pr/3,owner/name,,refs/pr/3",
    "owner/name/sub/model.safetensors@v1,owner/name,sub/model.safetensors,v1",
    "owner/name,owner/name,,",
  })
  void readsNames(String location, String name, String file, String revision) {
    assertThat(HubLocation.of(location)).contains(new HubLocation(name, file, revision));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "embedded",
        "/models/sd15",
        "./owner/name@main",
        "../owner/name",
        "a/b/c",
        "~/models",
        "C:\\models\\sd15",
        "owner/name@",
        "owner/name@main branch",
      })
  void takesPathsAsPaths(String location) {
    assertThat(HubLocation.of(location)).isEmpty();
    assertThat(JobModel.at(location).isHubName()).isFalse();
    assertThat(JobModel.named(location).location()).isEqualTo(location);
  }

  @Test
  void looksNothingUpThatExists() {
    assertThat(JobModel.named("owner/name").location()).isEqualTo("owner/name@main");
    assertThat(JobModel.named("owner/name@v2").location()).isEqualTo("owner/name@v2");
    assertThat(JobModel.named("src/test").location()).isEqualTo("src/test");
    assertThat(JobModel.at("owner/name").isHubName()).as("a job file names a revision").isFalse();
  }
}
