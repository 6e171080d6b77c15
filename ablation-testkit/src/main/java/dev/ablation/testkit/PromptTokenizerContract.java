package dev.ablation.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.ablation.model.PromptTokenizer;
import dev.ablation.model.PromptTokenizer.Tokens;
import java.util.List;
import org.junit.jupiter.api.Test;

/** How a model reports what it reads of a prompt. */
public abstract class PromptTokenizerContract extends ModelContract {
  private static final int SOME_WORDS = 200;

  /**
   * Tests a model.
   *
   * @param fixture opens it
   */
  protected PromptTokenizerContract(ModelFixture fixture) {
    super(fixture);
  }

  @Test
  final void distinguishesPrompts() {
    PromptTokenizer tokenizer = require(PromptTokenizer.class);
    List<Tokens> tokens = fixture.prompts().stream().map(tokenizer::tokens).toList();
    assertThat(tokens).extracting(Tokens::ids).doesNotHaveDuplicates();
    assertThat(tokens)
        .allSatisfy(read -> {
          assertThat(read.truncated()).isFalse();
          assertThat(read.ids()).hasSizeLessThan(contextLength());
        });
    assertThat(fixture.prompts().stream().map(tokenizer::tokens)).isEqualTo(tokens);
  }

  @Test
  final void readsNothingInTheEmptyPrompt() {
    assertThat(require(PromptTokenizer.class).tokens("")).isEqualTo(new Tokens(List.of(), ""));
  }

  @Test
  final void itsWordsAreOneTokenEach() {
    PromptTokenizer tokenizer = require(PromptTokenizer.class);
    assertThat(tokenizer.words().stream().limit(SOME_WORDS))
        .allSatisfy(word -> assertThat(tokenizer.tokens(word).ids()).hasSize(1))
        .doesNotHaveDuplicates();
  }

  @Test
  final void reportsWhatItDoesNotRead() {
    Tokens tokens = require(PromptTokenizer.class).tokens(tooLong("zebra"));
    assertThat(tokens.truncated()).isTrue();
    assertThat(tokens.cut()).endsWith("zebra");
    assertThat(tokens.ids()).hasSizeLessThan(contextLength());
  }
}
