# Makes a manual page of PAGE, which reads as one: its title becomes the section NAME, sections are in capitals where
# they are words, and links are their text.
file(READ ${PAGE} text)
string(REGEX REPLACE "^# [^:]+: ([^\n]+)\n" "# NAME\n\n${NAME} - \\1\n\n# DESCRIPTION\n" text "${text}")
string(REGEX REPLACE "\n# DESCRIPTION\n\n## (Synopsis|Description)\n" "\n# \\1\n" text "${text}")
string(REPLACE "\n## " "\n# " text "${text}")
string(REPLACE "\n### " "\n## " text "${text}")
string(REGEX MATCHALL "\n# [A-Za-z ]+\n" headings "${text}")
foreach(heading IN LISTS headings)
  string(TOUPPER "${heading}" upper)
  string(REPLACE "${heading}" "${upper}" text "${text}")
endforeach()
file(WRITE ${MANUAL}.md "${text}")
execute_process(COMMAND ${LOWDOWN} -s -Tman --out-no-smarty --nroff-nolinks -M title=${NAME} -M section=${SECTION} -M source=${SOURCE}
  -o ${MANUAL} ${MANUAL}.md COMMAND_ERROR_IS_FATAL ANY)
