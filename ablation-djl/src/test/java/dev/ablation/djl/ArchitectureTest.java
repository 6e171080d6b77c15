package dev.ablation.djl;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.ACCESS_STANDARD_STREAMS;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(packages = "dev.ablation.djl", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  /** The doctor's probe is a program of its own, which tells there what it found. */
  @ArchTest
  static final ArchRule NO_CONSOLE =
      noClasses()
          .that()
          .doNotHaveFullyQualifiedName("dev.ablation.djl.doctor.LoadProbe")
          .should(ACCESS_STANDARD_STREAMS);

  /** Until these have a place of their own. */
  @ArchTest
  static final ArchRule INTERNALS_OF_CORE =
      HouseRules.usesOfCoresInternalsOnly(
          "AtomicFiles",
          "StrictJson",
          "JsonFormatException",
          "TextFile",
          "TextFormatException",
          "FileReading",
          "Finite");

  /** The engine's insides change between its versions: one package knows them. */
  @ArchTest
  static final ArchRule ONLY_KERNELS_TOUCH_THE_NATIVE_INTERFACE =
      noClasses()
          .that()
          .resideOutsideOfPackage("dev.ablation.djl.internal.kernel..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("ai.djl.pytorch.jni..");

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.djl", classes);
  }
}
