"""What a story may be about: who, what, where, and the small things around it."""

import re

CREATURES = """dragon fox owl bear mouse cat dog rabbit hedgehog wolf whale crow turtle otter frog goat horse
donkey robot ghost giant witch wizard fairy troll unicorn penguin squirrel badger lion elephant monkey parrot
spider snail bee butterfly dolphin seal sheep cow duck goose swan sparrow mole deer beetle octopus crab
phoenix mermaid monster goblin dwarf elf kitten puppy tiger camel lizard bat raven moth firefly snowman
scarecrow dinosaur alien seagull ladybird pig hen rooster hamster""".split()
PEOPLE = """baker sailor teacher farmer painter tailor gardener fisherman musician blacksmith shepherd miner
postman doctor clockmaker carpenter cook knight princess prince king queen pirate captain astronaut pilot
librarian scientist inventor dancer singer juggler nurse detective thief potter weaver beekeeper student
grandmother grandfather boy girl child traveller poet writer magician soldier builder hunter
lighthouse keeper train driver mountain guide glass blower map maker bridge builder""".replace("\n", " ")
for pair_ in ("lighthouse keeper", "train driver", "mountain guide", "glass blower", "map maker", "bridge builder"):
    PEOPLE = PEOPLE.replace(pair_, pair_.replace(" ", "_"))
PEOPLE = [p.replace("_", " ") for p in PEOPLE.split()]
THINGS = """teapot lantern clock key umbrella kite violin mirror book map coin bell boat lamp box hat coat ring
feather stone seed letter drum candle compass bottle shell button ladder chair table bicycle telescope pencil
blanket basket spoon kettle door mask puppet balloon whistle crown chest painting pillow stamp flute broom
carpet computer radio camera train wagon star cloud snowflake apple pumpkin egg cake pie loaf tree flower
leaf rose mushroom acorn token number word song machine engine magnet marble thimble necklace suitcase""".split()
PLACES = """lighthouse castle mill library tower village school museum attic bakery windmill railway_station
old_house theatre circus farm hotel workshop observatory greenhouse palace cottage chapel inn shop market
harbour""".replace("\n", " ")
PLACES = [p.replace("_", " ") for p in PLACES.split()]
OUTDOORS = """forest garden island mountain cave bridge well lake river desert orchard meadow swamp valley beach hill
waterfall field pond volcano jungle coast road path park""".split()
IDEAS = """courage friendship time kindness patience hope luck silence home winter music honesty love trust
spring freedom memory sleep happiness fear peace wonder rain night the_sea the_moon the_wind""".replace("\n", " ")
IDEAS = [i.replace("_", " ") for i in IDEAS.split()]

ADJECTIVES = """lonely brave tiny old young clever shy curious proud gentle lazy quiet forgetful kind clumsy
grumpy cheerful stubborn sleepy hungry honest careful dreamy patient restless silly wise nervous friendly
lost""".split()
LOOKS = """red blue green golden silver purple white black yellow crooked rusty broken dusty shiny wooden
magic strange forgotten secret glowing painted cracked ancient singing invisible frozen enormous hidden
haunted abandoned empty talking""".split()

# Those that read well after "it was".
PLAIN_LOOKS = "crooked rusty dusty shiny strange cracked ancient green golden black yellow painted".split()

# Small things that heroes treasure, lose, carry and give away.
TREASURES = ["silver bell", "wooden flute", "blue lantern", "brass key", "old map", "red kite", "glass marble",
             "woollen scarf", "music box", "golden thimble", "little mirror", "painted egg", "pocket watch",
             "white shell", "copper whistle", "green umbrella", "leather book", "tin drum"]
FOODS = ["warm bread", "plum cake", "pea soup", "honey buns", "apple pie", "blackberry jam", "cinnamon rolls",
         "walnut cake", "cheese pancakes", "roasted chestnuts", "pumpkin soup", "ginger biscuits"]
HOMES = ["at the edge of a pine forest", "in a small house by the sea", "under a crooked bridge", "on a windy hill",
         "in a quiet valley", "beside an old mill", "above a narrow street", "near a silver lake",
         "at the end of a long lane", "behind the market square", "in a garden full of weeds",
         "on the far side of the mountain"]
SPOTS = ["the old well", "the market square", "the dark wood", "the stone bridge", "the harbour wall", "the empty barn",
         "the hollow oak", "the river bank", "the top of the hill", "the garden gate", "the old mill", "the frozen pond"]
FARAWAY = ["the Island of Bells", "the Blue Mountain", "the Glass Valley", "the Lake of Lanterns", "the Last Forest",
           "the City of Stairs", "the Singing Caves", "the Northern Light Tower"]
FEARS = ["the dark", "deep water", "thunder", "high places", "strangers", "the cold wind", "loud noises", "the fog"]
SKILLS = ["sing", "dance", "swim", "paint", "whistle", "bake bread", "read the stars", "play the flute",
          "mend clocks", "climb trees", "tell stories", "skate"]
TIMES = ["One morning", "One evening", "One autumn day", "One cold night", "On the first day of spring",
         "One rainy afternoon", "Late one summer", "On the longest night of the year"]

SYLLABLES = ["zi", "bo", "lu", "mar", "fen", "tro", "ka", "pim", "do", "wen", "sno", "gri", "lo", "bel", "qua", "ru",
             "ti", "vor", "ne", "hus"]
ENDINGS = ["bel", "mock", "ling", "dle", "ven", "sk", "ra", "kin", "lop", "nix", "wick", "zle"]


def invented_word(rng):
    """A noun that nobody has heard, so that the subject must be copied, not known."""
    return re.sub(r"(.)\1\1+", r"\1\1", "".join(rng.sample(SYLLABLES, rng.randint(1, 2))) + rng.choice(ENDINGS))
