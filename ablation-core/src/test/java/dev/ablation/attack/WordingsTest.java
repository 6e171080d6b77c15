package dev.ablation.attack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WordingsTest {

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9})
  void misspellingsAreOneChangeAwayAndDiffer(long seed) {
    assertThat(Wordings.misspelled("van gogh", 8, seed))
        .hasSize(8)
        .doesNotHaveDuplicates()
        .doesNotContain("van gogh")
        .allSatisfy(other -> {
          assertThat(other.length()).isBetween(7, 9);
          assertThat(other).contains(" ");
        })
        .isEqualTo(Wordings.misspelled("van gogh", 8, seed));
  }

  @Test
  void anotherSeedMisspellsInAnotherWay() {
    assertThat(Wordings.misspelled("grumpy cat", 8, 1))
        .isNotEqualTo(Wordings.misspelled("grumpy cat", 8, 2));
  }

  @Test
  void aShortNameHasFewMisspellings() {
    assertThat(Wordings.misspelled("ox", 50, 0))
        .containsExactlyInAnyOrder("xo", "o", "x", "oox", "oxx");
  }

  @Test
  void casesAndSplitsDiffer() {
    assertThat(Wordings.cased("Van gogh")).containsExactly("VAN GOGH", "van gogh", "Van Gogh");
    assertThat(Wordings.cased("van gogh")).containsExactly("VAN GOGH", "Van Gogh");
    assertThat(Wordings.split("van gogh"))
        .containsExactly("van-gogh", "vangogh", "van  gogh", "v a n g o g h", "van go gh");
    assertThat(Wordings.split("ink")).containsExactly("i n k", "i nk");
  }

  @Test
  void blankNamesAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> Wordings.split(" "));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Wordings.misspelled("cat", 0, 0))
        .withMessageContaining("count must be positive, was 0");
  }
}
