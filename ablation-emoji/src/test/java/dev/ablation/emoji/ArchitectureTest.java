package dev.ablation.emoji;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(
    packages = "dev.ablation.emoji",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  /** Until these have a place of their own. */
  @ArchTest
  static final ArchRule INTERNALS_OF_CORE =
      HouseRules.usesOfCoresInternalsOnly("AtomicFiles", "FileReading", "Suggestion", "TextFile");

  /** The libraries of the commands are optional dependencies: who uses the model has none. */
  @ArchTest
  static final ArchRule THE_MODEL_NEEDS_NO_LIBRARY_OF_THE_COMMANDS =
      noClasses()
          .that()
          .resideInAnyPackage("dev.ablation.emoji", "dev.ablation.emoji.dataset")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "picocli..", "me.tongfei..", "org.knowm..", "com.github.weisj..", "..command..");

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.emoji", classes);
  }
}
