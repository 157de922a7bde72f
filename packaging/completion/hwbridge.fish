# What fish completes behind hwbridge. Made by packaging/from_parsers/make.py from what --help knows.

# Words of a kind that the daemon knows
function __hwbridge_offered
    set -l said (commandline -opc)
    command hwbridge complete $argv[1] $said[2..-1] 2>/dev/null
end

function __hwbridge_verb_is
    set -l said (commandline -opc)
    set -q said[2]; and test "$said[2]" = $argv[1]
end

function __hwbridge_no_verb
    test (count (commandline -opc)) -eq 1
end

complete -c hwbridge -f
complete -c hwbridge -n __hwbridge_no_verb -s h -l help -d 'show the help'
complete -c hwbridge -n __hwbridge_no_verb -l version -d 'show the version'

complete -c hwbridge -n __hwbridge_no_verb -a run -d 'run the daemon'
complete -c hwbridge -n '__hwbridge_verb_is run' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is run' -l rules -x -a '(__fish_complete_directories)' -d 'read rules from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is run' -l tasks -x -a '(__fish_complete_directories)' -d 'read tasks from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is run' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is run' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is run' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is run' -l config -r -F -d 'read this instead of the usual hwbridge.toml'
complete -c hwbridge -n '__hwbridge_verb_is run' -l state -x -a '(__fish_complete_directories)' -d 'keep here what must outlive a restart'
complete -c hwbridge -n '__hwbridge_verb_is run' -l play -r -F -d 'play a recording as one more monitor'
complete -c hwbridge -n '__hwbridge_verb_is run' -l verbose -d 'log every event, raise and end of a run too; events can hold typed keys'

complete -c hwbridge -n __hwbridge_no_verb -a check -d 'check rules and tasks files, and show every error in them'
complete -c hwbridge -n '__hwbridge_verb_is check' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is check' -l rules -x -a '(__fish_complete_directories)' -d 'read rules from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is check' -l tasks -x -a '(__fish_complete_directories)' -d 'read tasks from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is check' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is check' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is check' -l json -d 'print one JSON object for each error and warning'
complete -c hwbridge -n '__hwbridge_verb_is check' -F

complete -c hwbridge -n __hwbridge_no_verb -a replay -d 'show what recorded events lead to, without any hardware'
complete -c hwbridge -n '__hwbridge_verb_is replay' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l rules -x -a '(__fish_complete_directories)' -d 'read rules from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l tasks -x -a '(__fish_complete_directories)' -d 'read tasks from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l from -x -d 'begin at that time of the recording, with the state that was there then: 1.5s'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l to -x -d 'play no event that is later than that time of the recording'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l until -x -d 'go on until that time of the recording, and no further: 10s'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l speed -x -d 'take time: 1 as long as it took, 2 half of it; without it, none'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l run -d 'run the tasks\' programs, as who you are'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l json -d 'print one JSON object a line'
complete -c hwbridge -n '__hwbridge_verb_is replay' -l expect -r -F -d 'compare with this file instead of printing'
complete -c hwbridge -n '__hwbridge_verb_is replay' -F

complete -c hwbridge -n __hwbridge_no_verb -a record -d 'write down what devices tell, to be replayed'
complete -c hwbridge -n '__hwbridge_verb_is record' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is record' -l rules -x -a '(__fish_complete_directories)' -d 'record only what the rules here (a directory or a file) ask for; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is record' -l source -x -a 'device evdev network serial system.clock system.network system.power system.session udev' -d 'record this source only; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is record' -l config -r -F -d 'read this instead of the usual hwbridge.toml'
complete -c hwbridge -n '__hwbridge_verb_is record' -l for -x -d 'stop after that time: 10s'
complete -c hwbridge -n '__hwbridge_verb_is record' -l count -x -d 'stop after N events; those of the start do not count'
complete -c hwbridge -n '__hwbridge_verb_is record' -l quiet -x -d 'stop when nothing came for that long'
complete -c hwbridge -n '__hwbridge_verb_is record' -l blank-keys -d 'write KEY_A for every key that makes text'
complete -c hwbridge -n '__hwbridge_verb_is record' -F

complete -c hwbridge -n __hwbridge_no_verb -a explain -d 'show why a task does not run, or why rules raised at recorded events or not'
complete -c hwbridge -n '__hwbridge_verb_is explain' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l task -x -a '(__hwbridge_offered tasks)' -d 'this task, whatever files there are'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l event -x -d 'this event, as a recording has it: the line itself, FILE:LINE, or - for a line on standard input'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l rules -x -a '(__fish_complete_directories)' -d 'read rules from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l tasks -x -a '(__fish_complete_directories)' -d 'read tasks from here (a directory or a file) instead of the usual places; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l rule -x -d 'explain this rule only; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l json -d 'print one JSON object a line'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is explain' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is explain' -F -a '(__hwbridge_offered tasks)'

complete -c hwbridge -n __hwbridge_no_verb -a raise -d 'raise a trigger'
complete -c hwbridge -n '__hwbridge_verb_is raise' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l data -x -d 'a detail for the tasks; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l key -x -d 'the thing that it is about, such as a device; without it, none'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l wait -d 'wait until the runs are over that it leads to, and say how each ended'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is raise' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is raise' -a '(__hwbridge_offered triggers)'

complete -c hwbridge -n __hwbridge_no_verb -a wait -d 'wait until a trigger is raised'
complete -c hwbridge -n '__hwbridge_verb_is wait' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l timeout -x -d 'give up after that time: 30s'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l key -x -d 'only for this key; without it, for any'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l json -d 'print one JSON object'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is wait' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is wait' -a '(__hwbridge_offered triggers)'

complete -c hwbridge -n __hwbridge_no_verb -a start -d 'request a run of a task that has an application trigger'
complete -c hwbridge -n '__hwbridge_verb_is start' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is start' -l data -x -d 'a detail for the tasks; may be given again'
complete -c hwbridge -n '__hwbridge_verb_is start' -l key -x -d 'the thing that it is about, such as a device; without it, none'
complete -c hwbridge -n '__hwbridge_verb_is start' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is start' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is start' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is start' -a '(__hwbridge_offered tasks)'

complete -c hwbridge -n __hwbridge_no_verb -a cancel -d 'ask a run to end'
complete -c hwbridge -n '__hwbridge_verb_is cancel' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is cancel' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is cancel' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is cancel' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is cancel' -a '(__hwbridge_offered instances)'

complete -c hwbridge -n __hwbridge_no_verb -a list -d 'list the registered tasks'
complete -c hwbridge -n '__hwbridge_verb_is list' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is list' -l group -x -a '(__hwbridge_offered groups)' -d 'only the tasks of this group'
complete -c hwbridge -n '__hwbridge_verb_is list' -l json -d 'print one JSON object for each task'
complete -c hwbridge -n '__hwbridge_verb_is list' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is list' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is list' -l system -d 'the system\'s daemon, and its usual places'

complete -c hwbridge -n __hwbridge_no_verb -a show -d 'show a task, what runs of it and what waits'
complete -c hwbridge -n '__hwbridge_verb_is show' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is show' -l json -d 'print one JSON object'
complete -c hwbridge -n '__hwbridge_verb_is show' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is show' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is show' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is show' -a '(__hwbridge_offered tasks)'

complete -c hwbridge -n __hwbridge_no_verb -a unregister -d 'end the registration of a task that no file has'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -l cancel-task -d 'cancel its runs too, instead of letting them finish'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is unregister' -a '(__hwbridge_offered tasks)'

complete -c hwbridge -n __hwbridge_no_verb -a reset -d 'end the quarantine of a task'
complete -c hwbridge -n '__hwbridge_verb_is reset' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is reset' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is reset' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is reset' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is reset' -a '(__hwbridge_offered tasks)'

complete -c hwbridge -n __hwbridge_no_verb -a history -d 'show what happened: raises, runs, registrations'
complete -c hwbridge -n '__hwbridge_verb_is history' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is history' -l task -x -a '(__hwbridge_offered tasks)' -d 'only what is about this task'
complete -c hwbridge -n '__hwbridge_verb_is history' -l limit -x -d 'at most so many lines: the newest 100, or all with --since'
complete -c hwbridge -n '__hwbridge_verb_is history' -l since -x -d 'only lines after the one with this number'
complete -c hwbridge -n '__hwbridge_verb_is history' -l json -d 'print one JSON object for each line'
complete -c hwbridge -n '__hwbridge_verb_is history' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is history' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is history' -l system -d 'the system\'s daemon, and its usual places'

complete -c hwbridge -n __hwbridge_no_verb -a monitor -d 'show what happens, as it happens'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l since -x -d 'begin with what the history has after the line with this number'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l task -x -a '(__hwbridge_offered tasks)' -d 'only what is about this task'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l trigger -x -a '(__hwbridge_offered triggers)' -d 'only what is about this trigger'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l events -d 'events of devices too; root only: they can hold typed keys'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l json -d 'print one JSON object a line'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is monitor' -l system -d 'the system\'s daemon, and its usual places'

complete -c hwbridge -n __hwbridge_no_verb -a status -d 'show what the daemon is and does'
complete -c hwbridge -n '__hwbridge_verb_is status' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is status' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is status' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is status' -l system -d 'the system\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is status' -l json -d 'print one JSON object'

complete -c hwbridge -n __hwbridge_no_verb -a progress -d 'say from within a run how far it is'
complete -c hwbridge -n '__hwbridge_verb_is progress' -s h -l help -d 'show this help message and exit'
complete -c hwbridge -n '__hwbridge_verb_is progress' -l socket -r -F -d 'where the daemon is reached (also HWBRIDGE_SOCKET)'
complete -c hwbridge -n '__hwbridge_verb_is progress' -l user -d 'this user\'s daemon, and its usual places'
complete -c hwbridge -n '__hwbridge_verb_is progress' -l system -d 'the system\'s daemon, and its usual places'
