package dev.ablation.djl.nn;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.ablation.djl.internal.kernel.GradMode;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BatchPartsTest {
  private static final int PARTS = 3;

  @Test
  void resultsAreInTheOrderOfTheParts() {
    assertThat(BatchParts.inParallel(PARTS, part -> part * part)).isEqualTo(List.of(0, 1, 4));
  }

  @Test
  void partsRunAtTheSameTime() {
    CountDownLatch all = new CountDownLatch(PARTS);
    assertThat(BatchParts.inParallel(PARTS, part -> met(all))).containsOnly(true);
  }

  private static boolean met(CountDownLatch all) {
    all.countDown();
    try {
      return all.await(1, TimeUnit.MINUTES);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aFailureIsThrownOnceAllPartsHaveEnded() {
    for (int failing = 0; failing < PARTS; failing++) {
      int which = failing;
      AtomicInteger ended = new AtomicInteger();
      assertThatThrownBy(() ->
              BatchParts.inParallel(
                  PARTS,
                  part -> {
                    if (part == which) {
                      throw new IllegalArgumentException("part " + part);
                    }
                    return ended.incrementAndGet();
                  }))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("part " + which);
      assertThat(ended).hasValue(PARTS - 1);
    }
  }

  @Test
  void anErrorStaysAnError() {
    assertThatThrownBy(() ->
            BatchParts.inParallel(
                PARTS,
                part -> {
                  if (part == 1) {
                    throw new OutOfMemoryError("part 1");
                  }
                  return part;
                }))
        .isInstanceOf(OutOfMemoryError.class);
  }

  @Test
  void anInterruptIsKept() {
    Thread.currentThread().interrupt();
    try {
      assertThat(BatchParts.inParallel(PARTS, part -> part)).hasSize(PARTS);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void partsRecordGradientsWhereTheCallerDoes() {
    for (boolean recording : List.of(true, false)) {
      assertThat(
              GradMode.with(
                  recording, () -> BatchParts.inParallel(PARTS, part -> GradMode.isRecording())))
          .containsOnly(recording);
    }
  }
}
