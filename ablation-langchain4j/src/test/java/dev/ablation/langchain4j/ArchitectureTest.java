package dev.ablation.langchain4j;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(
    packages = "dev.ablation.langchain4j",
    importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  @ArchTest static final ArchRule NO_CONSOLE = HouseRules.NO_CONSOLE;

  /** Until these have a place of their own. */
  @ArchTest
  static final ArchRule INTERNALS_OF_CORE =
      HouseRules.usesOfCoresInternalsOnly("StrictJson", "JsonFormatException");

  /** A user brings the provider. */
  @ArchTest
  static final ArchRule NO_PROVIDER =
      noClasses()
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("dev.langchain4j.model.openai..", "dev.langchain4j.http..");

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.langchain4j", classes);
  }
}
