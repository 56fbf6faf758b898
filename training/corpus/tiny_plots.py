"""Stories of two to five sentences, for prompts that ask for little.

Each has a start, an optional detail, a middle, another optional detail and an
end, every part exactly one sentence, so that any asked count comes out right.
"""

TINY_HERO = [
    ("There was once {ahero} named {N} who lived {home} and wished for a friend.",
     "Every evening {he} looked down the road and waited.",
     "{time}, {ahelper} named {H} [came by|knocked at the door] and asked for a place to sleep.",
     "They talked until the candles had burned down.",
     "Since then {N} has never [eaten {food} alone|been lonely] again."),
    ("{N} was {ahero} who was afraid of {fear}.",
     "{He} told nobody about it.",
     "{time}, {H}, {ahelper}, called for help, and {N} ran to {spot} without thinking.",
     "{His} knees shook, but {he} did not stop.",
     "When it was over, {N} noticed that {he} had forgotten to be afraid."),
    ("Once upon a time {ahero} named {N} lost {at}.",
     "{He} looked at {spot} and at {spot2}, but it was not there.",
     "Then {H}, {ahelper}, helped {him} to search [until it grew dark|all day long].",
     "They laughed so much that they almost forgot what they were looking for.",
     "They found the {t} at {spot3}, and they stayed friends for life."),
    ("{Ahero} named {N} wanted to {skill}, but could not do it at all.",
     "The others laughed about {him}.",
     "{H}, {ahelper}, showed {him} how, a little every day.",
     "Some days went well and some did not.",
     "By the spring {N} could {skill} better than anyone {home}."),
    ("{N}, {ahero}, dreamed of {far} and set out with nothing but {food}.",
     "The road was long, and it rained for three days.",
     "On the way {he} met {H}, {ahelper}, and they walked on together.",
     "At night they counted the stars.",
     "When they reached {far}, {N} knew that the road had been the best part."),
    ("{Ahero} named {N} owned only {at} and {food}.",
     "It was a very cold winter.",
     "{time}, {he} met {H}, {ahelper}, who had nothing, and gave half of it away.",
     "It did not feel like less.",
     "That night, half of {his} supper tasted better than a whole one ever had."),
    ("{N} was {ahero} whom nobody noticed.",
     "{He} was quiet and stood at the back.",
     "{time}, a storm came, and {he} led everyone to {spot} with a lamp, and {H}, {ahelper}, came last.",
     "The wind howled all night.",
     "In the morning the whole village knew the name of {N}."),
]

TINY_THING = [
    ("{time}, {N} found {aS} at {spot}.",
     "It was {look} and covered with dust.",
     "{He} asked everyone whose it was, until {H}, {ahelper}, [cried with joy|began to smile].",
     "The {S} had been lost for many years.",
     "{N} gave it back, and got a friend for it."),
    ("Once there was {aS} that nobody wanted.",
     "It stood in a corner and gathered dust.",
     "{time}, {N} came by, and {he} could not walk past it.",
     "{He} carried the {S} home under {his} coat.",
     "Now the {S} has the best place in the house, right beside the window."),
    ("In the house of {N} there was {aS}, {look} and much loved.",
     "{time}, it broke.",
     "{H}, {ahelper}, sat up with {him} all night to mend it.",
     "They drank tea and told each other stories.",
     "In the morning the {S} was whole again, and so was everything else."),
    ("A stranger gave {N} {aS} that could grant one wish.",
     "{He} thought about it for seven days.",
     "Then {he} saw that {H}, {ahelper}, was ill, and wished {him_or_her} well.",
     "The {S} shone once and went dark.",
     "{N} kept it all {his} life and never needed another wish."),
]

TINY_PLACE = [
    ("There was once {aS} {home2} where nobody lived any more.",
     "The wind went in and out as it liked.",
     "{time}, {N} came with a broom, a lamp and {food}, and {H}, {ahelper}, helped {him}.",
     "They worked for seven days.",
     "Today the {S} is full of voices again."),
    ("{N} loved the {S} {home2} more than any other place.",
     "{He} knew every stone of it.",
     "{time}, {he} found a small door, and behind it sat {H}, {ahelper}, with a lamp and a book.",
     "They talked for hours.",
     "Since then {N} has known what makes the {S} so warm."),
]

TINY_OUTDOORS = [
    ("{N} lived near {aS} and went there every morning.",
     "{He} knew every stone of it.",
     "{time}, {he} met {H}, {ahelper}, who was lost, and showed {him_or_her} the way.",
     "They walked slowly, because there was so much to see.",
     "Since then the {S} has been the place where the two friends meet."),
    ("Far away there was {aS} that nobody had ever crossed.",
     "People told strange stories about it.",
     "{time}, {N} set out with {food} and {at}, and {H}, {ahelper}, came along.",
     "They sang so that they would not be afraid.",
     "In the evening they stood on the other side, and the {S} looked small."),
]

TINY_IDEA = [
    ("{N} wanted to know what {S} is.",
     "{He} asked a king, a sailor and an old woman at {spot}.",
     "On the way home {he} met {H}, {ahelper}, and helped to carry a heavy bag.",
     "They shared {food} and laughed.",
     "When {he} came home, {N} did not have to ask about {S} any more."),
]

# What long stories add between the beats: the air, a sound, a thought.
DETAILS = [
    "The air smelled of [rain|snow|{food}|wet leaves].", "Somewhere a dog barked, and then it was quiet again.",
    "[High above|Far away], a single [star|bell|bird] could be [seen or heard|noticed], if one was patient.",
    "{N} thought of {his} grandmother, who used to say: \"{proverb}\"",
    "{He} said to {himself}: \"{proverb}\"", "The wind [turned|grew colder|went to sleep].",
    "{N} put {his} hands in {his} pockets and [whistled|sighed|waited].",
    "The moon looked on and said nothing.", "It was the kind of day on which anything may happen.",
    "{He} counted to ten, and then to ten again.", "A [leaf|feather|snowflake] came down and settled on {his} sleeve.",
    "For a while there was only the sound of [the rain|footsteps|the clock|the sea].",
    "{N} had a few bites of {food2}, which always helped.", "Nobody was to blame, and that made it harder.",
    "The clouds hurried past as if they were late.", "{He} felt small, but not as small as before.",
]
PROVERBS = ["One step is enough, if you take it.", "The longest night ends at breakfast.", "Ask twice and run once.",
            "Whoever shares a lamp loses no light.", "Even a mountain began as a stone.", "Listen first, then knock.",
            "A good friend is worth two umbrellas.", "Slow water cuts the stone.", "You cannot carry the rain home."]

OPENINGS = ["Once there was {ahero} named {N} who lived {home}.", "Once upon a time, {ahero} named {N} lived {home}.",
            "{N} was {ahero} and lived {home}.", "{Home}, there lived {ahero} whose name was {N}.",
            "There was once {ahero} called {N}, who lived {home}.", "Long ago, {ahero} named {N} lived {home}."]
