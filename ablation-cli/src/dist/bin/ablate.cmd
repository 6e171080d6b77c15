@echo off
rem Starts the command line of the distribution that this file is part of.
rem   JAVA_HOME    a Java runtime, 17 or newer; the distribution's own (runtime\) comes first, java on the PATH last
rem   ABLATE_OPTS  options of the JVM, such as -Xmx8g
rem   ABLATE_CDS   file of the class-data archive that the first start makes (Java 19 or newer), or off
setlocal
set "ABLATE_DIR=%~dp0.."

set "ABLATE_JAVA=java"
set "ABLATE_RUNTIME="
if defined JAVA_HOME set "ABLATE_RUNTIME=%JAVA_HOME%"
if exist "%ABLATE_DIR%\runtime\bin\java.exe" set "ABLATE_RUNTIME=%ABLATE_DIR%\runtime"
if not defined ABLATE_RUNTIME goto found
set "ABLATE_JAVA=%ABLATE_RUNTIME%\bin\java.exe"
if exist "%ABLATE_JAVA%" goto found
echo ablate: JAVA_HOME is %JAVA_HOME%, which has no bin\java.exe 1>&2
exit /b 1
:found

rem Options that older runtimes reject are for those whose file "release" names a version that has them.
set "ABLATE_JVM="
if not defined ABLATE_RUNTIME goto start
findstr /r /c:"^JAVA_VERSION=.2[1-9]" /c:"^JAVA_VERSION=.[3-9][0-9]" "%ABLATE_RUNTIME%\release" >nul 2>&1
if errorlevel 1 goto start
set "ABLATE_JVM=--enable-native-access=ALL-UNNAMED"
if /i "%ABLATE_CDS%"=="off" goto start
if not defined ABLATE_CDS set "ABLATE_CDS=%LOCALAPPDATA%\ablation\ablate.jsa"
for %%F in ("%ABLATE_CDS%") do if not exist "%%~dpF" mkdir "%%~dpF" >nul 2>&1
set ABLATE_JVM=%ABLATE_JVM% -XX:SharedArchiveFile="%ABLATE_CDS%" -XX:+AutoCreateSharedArchive -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off

:start
rem Threads of libtorch that wait sleep: else they crawl as soon as another process wants a core.
if not defined OMP_WAIT_POLICY set "OMP_WAIT_POLICY=PASSIVE"
"%ABLATE_JAVA%" %ABLATE_JVM% %ABLATE_OPTS% -Djava.awt.headless=true -classpath "%ABLATE_DIR%\lib\*" dev.ablation.cli.Ablate %*
exit /b %ERRORLEVEL%
