package dev.ablation.emoji;

import java.io.IOException;

/** Unpacks the model and prints where: what a second process does at the same time. */
final class UnpackInAnotherProcess {
  private UnpackInAnotherProcess() {}

  public static void main(String[] args) throws IOException {
    System.out.println(EmbeddedModel.folder());
  }
}
