# utakata_library(NAME DEPS ours... LIBS theirs... ALONE files...)
#
# One folder, one target: every *.cc of the folder but the tests. DEPS are the only folders whose headers it may
# include (tools/check_arrows refuses any other); LIBS are libraries from outside, private to the .cc files.
# Each *_test.cc of the folder goes into NAME_test. Each header compiles alone: NAME.h is the first thing that NAME.cc
# includes, or it is compiled by itself (target NAME_headers). ALONE: not to be compiled together with other files.
function(utakata_library NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS;TEST_DEPS;ALONE" ${ARGN})
  file(GLOB all CONFIGURE_DEPENDS *.cc)
  file(GLOB headers CONFIGURE_DEPENDS *.h)
  set(tests ${all})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  set(sources ${all})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")

  if(sources)
    add_library(${NAME} STATIC ${sources})
    target_include_directories(${NAME} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${NAME} PUBLIC ${ARG_DEPS} PRIVATE ${ARG_LIBS})
  else()
    add_library(${NAME} INTERFACE)
    target_include_directories(${NAME} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${NAME} INTERFACE ${ARG_DEPS})
  endif()

  set(alone)
  foreach(header ${headers})
    get_filename_component(stem ${header} NAME_WE)
    string(REGEX REPLACE "\\.h$" ".cc" source ${header})
    if(EXISTS ${source})
      file(STRINGS ${source} first REGEX "^#include" LIMIT_COUNT 1)
      file(RELATIVE_PATH name ${PROJECT_SOURCE_DIR}/src ${header})
      if(first STREQUAL "#include \"${name}\"")
        continue()
      endif()
    endif()
    set(file ${CMAKE_CURRENT_BINARY_DIR}/alone_${stem}.cc)
    if(NOT EXISTS ${file})
      file(WRITE ${file} "#include \"${header}\"\n")
    endif()
    list(APPEND alone ${file})
  endforeach()
  if(alone)
    add_library(${NAME}_headers OBJECT EXCLUDE_FROM_ALL ${alone})
    target_link_libraries(${NAME}_headers PRIVATE ${NAME} ${ARG_LIBS})
    set_property(GLOBAL APPEND PROPERTY UTAKATA_HEADERS ${NAME}_headers)
  endif()

  if(tests AND GTest_FOUND)
    add_executable(${NAME}_test EXCLUDE_FROM_ALL ${tests})
    target_link_libraries(${NAME}_test PRIVATE ${NAME} ${ARG_LIBS} ${ARG_TEST_DEPS} GTest::gtest_main)
    add_test(NAME ${NAME} COMMAND ${NAME}_test WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
    # To gtest a program whose tests were all skipped has ended well. After this list it names those that failed, if any did.
    set_tests_properties(${NAME} PROPERTIES SKIP_REGULAR_EXPRESSION
      "\\[  PASSED  \\] 0 tests\\.\n(\\[  SKIPPED \\] [^\n]*\n)+$")
    set_property(GLOBAL APPEND PROPERTY UTAKATA_TESTS ${NAME}_test)
  endif()

  if(UTAKATA_TOGETHER)
    set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    foreach(target ${NAME} ${NAME}_test)
      if(TARGET ${target})
        set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
      endif()
    endforeach()
    if(TARGET ${NAME}_test)
      target_compile_options(${NAME}_test PRIVATE -O0)  # what sanitizers add to a test takes longer to optimize than to run
    endif()
  endif()
endfunction()

# For the folders that go into Node's addon as well as into programs; before their targets. Nobody replaces a function of ours at
# run time, so calls stay as direct as they are in a program.
macro(utakata_shared_code)
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  set(CMAKE_CXX_VISIBILITY_PRESET hidden)
  add_compile_options(-fno-semantic-interposition)
endmacro()

# utakata_program(NAME SOURCE DEPS ours...): a main() that only wires.
function(utakata_program NAME SOURCE)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  add_executable(${NAME} ${SOURCE})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPS} ${ARG_LIBS})
  set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})
endfunction()

# utakata_addon(NAME DEPS ours... LIBS theirs...): NAME.node, for Node to load, of every *.cc of the folder. Node itself has libuv and
# OpenSSL; archives of ours are given by their files, so that what they link as parts of a program does not come with them.
function(utakata_addon NAME)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  add_library(${NAME} MODULE ${sources})
  target_include_directories(${NAME} PRIVATE ${PROJECT_SOURCE_DIR}/src)
  foreach(archive ${ARG_DEPS})
    target_link_libraries(${NAME} PRIVATE $<TARGET_FILE:${archive}>)
    add_dependencies(${NAME} ${archive})
  endforeach()
  target_link_libraries(${NAME} PRIVATE ${ARG_LIBS})
  set_target_properties(${NAME} PROPERTIES PREFIX "" SUFFIX .node LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/load)
endfunction()

# Targets `unit_tests` and `headers` build all of them.
function(utakata_gather)
  get_property(tests GLOBAL PROPERTY UTAKATA_TESTS)
  add_custom_target(unit_tests DEPENDS ${tests})
  get_property(headers GLOBAL PROPERTY UTAKATA_HEADERS)
  add_custom_target(headers DEPENDS ${headers})
endfunction()
