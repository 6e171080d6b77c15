package dev.ablation.cli;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.junit.ArchTests;
import com.tngtech.archunit.lang.ArchRule;
import dev.ablation.archunit.HouseRules;

@AnalyzeClasses(packages = "dev.ablation.cli", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
  @ArchTest static final ArchTests HOUSE = ArchTests.in(HouseRules.class);

  @ArchTest
  static final ArchRule INTERNALS_OF_CORE = HouseRules.usesOfCoresInternalsOnly("AtomicFiles");

  @ArchTest
  static void internalPackagesAreUsedAsTheDescriptorsExportThem(JavaClasses classes) {
    HouseRules.checkExportsOfInternals("dev.ablation.cli", classes);
  }
}
